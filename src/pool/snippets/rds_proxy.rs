//! RDS Proxy. It sets neither the lifetime of its connections nor tells of leaks.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "rds-proxy",
    title: "Amazon RDS Proxy",
    answers: Answers {
        acquire: Answer::Key("ConnectionBorrowTimeout"),
        lifetime: Answer::Lacks("RDS Proxy does not let the lifetime of its connections be set"),
        idle: Answer::Key("IdleClientTimeout"),
        leaks: Answer::Lacks("RDS Proxy has no leak detection"),
    },
    files: &[
        Template {
            path: "proxy.yml",
            format: Format::Yaml,
            text: "\
# RDS Proxy does not let the lifetime of its connections be set: item 4.4 is decided by how long they live in truth.
# RDS Proxy has no leak detection. Add: an alarm on DatabaseConnectionsCurrentlySessionPinned, and
# idle_in_transaction_session_timeout for the role, which ends what is forgotten in a transaction.
Parameters:
  SecretArn:
    Type: String
  RoleArn:
    Type: String
  SubnetIds:
    Type: CommaDelimitedList
  InstanceIdentifier:
    Type: String
Resources:
  Proxy:
    Type: AWS::RDS::DBProxy
    Properties:
      DBProxyName: application
      EngineFamily: POSTGRESQL
      RequireTLS: true
      RoleArn: !Ref RoleArn
      VpcSubnetIds: !Ref SubnetIds
      Auth:
        - AuthScheme: SECRETS
          SecretArn: !Ref SecretArn
      IdleClientTimeout: 300
  ProxyTargetGroup:
    Type: AWS::RDS::DBProxyTargetGroup
    Properties:
      DBProxyName: !Ref Proxy
      TargetGroupName: default
      DBInstanceIdentifiers:
        - !Ref InstanceIdentifier
      ConnectionPoolConfigurationInfo:
        # @percent_because@
        MaxConnectionsPercent: @percent@
        MaxIdleConnectionsPercent: @percent_idle@
        ConnectionBorrowTimeout: 10
",
        },
        Template {
            path: "pool.json (aws rds modify-db-proxy-target-group --connection-pool-config file://pool.json)",
            format: Format::Json,
            text: "\
{
  \"MaxConnectionsPercent\": @percent@,
  \"MaxIdleConnectionsPercent\": @percent_idle@,
  \"ConnectionBorrowTimeout\": 10
}
",
        },
    ],
};
