#!/bin/sh
# Makes the certificates of the TLS tests, valid for a hundred years, with keys that are secrets to nobody.
# Run it in this directory; needs OpenSSL 3. The tests copy the keys and give the copies the permissions libpq wants.
set -eu
days=36500
key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }
rsa() { openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1.key"; }
# sign NAME SUBJECT ISSUER [EXTENSIONS]: without extensions openssl writes version 1
sign() {
    openssl req -new -key "$1.key" -subj "$2" -out "$1.csr"
    if [ -n "${4:-}" ]; then
        printf '%b' "$4" > "$1.ext"
        openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -days $days -extfile "$1.ext" -out "$1.crt"
        rm "$1.ext"
    else
        openssl x509 -req -in "$1.csr" -CA "$3.crt" -CAkey "$3.key" -days $days -out "$1.crt"
    fi
    rm "$1.csr"
}
for name in root other-root; do
    key $name
    openssl req -x509 -key $name.key -subj "/CN=pgassay test $name" -days $days -out $name.crt
done
# a version 1 root, as old authorities are
rsa root-v1
openssl req -new -key root-v1.key -subj "/CN=pgassay test root v1" -out root-v1.csr
openssl x509 -req -in root-v1.csr -signkey root-v1.key -days $days -out root-v1.crt
rm root-v1.csr
# by name and address
key server
sign server "/CN=ignored" root "subjectAltName=DNS:localhost,DNS:*.pgassay.test,IP:127.0.0.1\n"
# for somebody else
key wrong-name
sign wrong-name "/CN=localhost" root "subjectAltName=DNS:other.example\n"
# as PostgreSQL's manual makes them: version 1, only a CN; RSA too
rsa version-1
sign version-1 "/CN=localhost" root
rsa under-v1
sign under-v1 "/CN=localhost" root-v1
# as most people make them: self-signed, its own authority
rsa self-signed
openssl req -x509 -key self-signed.key -subj "/CN=localhost" -days $days -out self-signed.crt
# through an intermediate authority that the server sends along
key intermediate
sign intermediate "/CN=pgassay test intermediate" root "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n"
key chained
sign chained "/CN=chained" intermediate "subjectAltName=DNS:localhost\n"
cat intermediate.crt >> chained.crt
# signed by a certificate that may not sign
key impostor
sign impostor "/CN=localhost" server "subjectAltName=DNS:localhost\n"
cat server.crt >> impostor.crt
# only for clients
key client-only
sign client-only "/CN=localhost" root "subjectAltName=DNS:localhost\nextendedKeyUsage=clientAuth\n"
# expired the day it was made
key expired
openssl req -new -key expired.key -subj "/CN=localhost" -out expired.csr
openssl x509 -req -in expired.csr -CA root.crt -CAkey root.key -days -1 -out expired.crt
rm expired.csr
# revoked
key revoked
sign revoked "/CN=localhost" root "subjectAltName=DNS:localhost\n"
touch index.txt
echo 01 > crlnumber
cat > ca.cnf << END
[ca]
default_ca = x
[x]
database = index.txt
crlnumber = crlnumber
default_md = sha256
default_crl_days = $days
crl_extensions = list
[list]
authorityKeyIdentifier = keyid:always
END
openssl ca -config ca.cnf -revoke revoked.crt -keyfile root.key -cert root.crt
openssl ca -config ca.cnf -gencrl -keyfile root.key -cert root.crt -out root.crl
rm -f index.txt* crlnumber* ca.cnf
# for a client: good, unknown to the server, and with a key that needs a passphrase
rsa client
sign client "/CN=certified" root
key stranger
sign stranger "/CN=certified" other-root
openssl pkey -in client.key -aes256 -passout pass:secret -out client-encrypted.key
