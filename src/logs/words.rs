//! The server's own words, in English and in the ten languages its messages are translated to: which severity a line has,
//! which part of an entry it is, and what a message that is not in English says.
//!
//! `lc_messages` translates the severity, the names of the parts and the text. The texts below are the server's format
//! strings with named holes; the words between the holes are matched as they stand, but for white space: a translation
//! may contain a line feed, which the log follows with a tab, and a carrier may squeeze spaces.

use crate::logs::record::Severity;
use std::sync::LazyLock;

/// A part of an entry that has a line, or several, of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// `DETAIL`.
    Detail,
    /// `HINT`.
    Hint,
    /// `QUERY`: what a function ran.
    Query,
    /// `CONTEXT`.
    Context,
    /// `LOCATION`: where in the server's source, of no use here.
    Location,
    /// `STATEMENT`.
    Statement,
    /// `BACKTRACE`, of no use here.
    Backtrace,
}

/// The word a line has between its prefix and its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Word {
    /// A severity: an entry begins.
    Level(Severity),
    /// A part of the entry before.
    Part(Part),
}

const DEBUG: Word = Word::Level(Severity::Debug);
const LOG: Word = Word::Level(Severity::Log);
const INFO: Word = Word::Level(Severity::Info);
const NOTICE: Word = Word::Level(Severity::Notice);
const WARNING: Word = Word::Level(Severity::Warning);
const ERROR: Word = Word::Level(Severity::Error);
const FATAL: Word = Word::Level(Severity::Fatal);
const PANIC: Word = Word::Level(Severity::Panic);
const DETAIL: Word = Word::Part(Part::Detail);
const HINT: Word = Word::Part(Part::Hint);
const QUERY: Word = Word::Part(Part::Query);
const CONTEXT: Word = Word::Part(Part::Context);
const LOCATION: Word = Word::Part(Part::Location);
const STATEMENT: Word = Word::Part(Part::Statement);
const BACKTRACE: Word = Word::Part(Part::Backtrace);

/// The words of the languages written in Latin letters, English apart.
static LATIN: &[(&str, Word)] = &[
    ("LOGG", LOG),
    ("HINWEIS", NOTICE),
    ("NOTIFICA", NOTICE),
    ("NOTIS", NOTICE),
    ("ATTENTION", WARNING),
    ("WARNUNG", WARNING),
    ("ATTENZIONE", WARNING),
    ("VARNING", WARNING),
    ("ERREUR", ERROR),
    ("FEHLER", ERROR),
    ("ERRORE", ERROR),
    ("FEL", ERROR),
    ("FATALE", FATAL),
    ("FATALT", FATAL),
    ("PANIK", PANIC),
    ("PANICO", PANIC),
    ("DÉTAIL", DETAIL),
    ("DETALLE", DETAIL),
    ("DETTAGLI", DETAIL),
    ("DETALJ", DETAIL),
    ("ASTUCE", HINT),
    ("TIPP", HINT),
    ("SUGGERIMENTO", HINT),
    ("TIPS", HINT),
    ("REQUÊTE", QUERY),
    ("ANFRAGE", QUERY),
    ("CONSULTA", QUERY),
    ("FRÅGA", QUERY),
    ("CONTEXTE", CONTEXT),
    ("ZUSAMMENHANG", CONTEXT),
    ("CONTEXTO", CONTEXT),
    ("CONTESTO", CONTEXT),
    ("KONTEXT", CONTEXT),
    ("EMPLACEMENT", LOCATION),
    ("ORT", LOCATION),
    ("UBICACIÓN", LOCATION),
    ("POSIZIONE", LOCATION),
    ("PLATS", LOCATION),
    ("INSTRUCTION", STATEMENT),
    ("ANWEISUNG", STATEMENT),
    ("SENTENCIA", STATEMENT),
    ("ISTRUZIONE", STATEMENT),
    ("SATS", STATEMENT),
    ("PILE D'APPEL", BACKTRACE),
];

/// Russian and Ukrainian.
static CYRILLIC: &[(&str, Word)] = &[
    ("СООБЩЕНИЕ", LOG),
    ("ЗАПИСУВАННЯ", LOG),
    ("ПОДРОБНОСТИ", DETAIL),
    ("ВІДОМОСТІ", DETAIL),
    ("ОПЕРАТОР", STATEMENT),
    ("ІНСТРУКЦІЯ", STATEMENT),
    ("ОШИБКА", ERROR),
    ("ПОМИЛКА", ERROR),
    ("ВАЖНО", FATAL),
    ("ФАТАЛЬНО", FATAL),
    ("ПРЕДУПРЕЖДЕНИЕ", WARNING),
    ("ПОПЕРЕДЖЕННЯ", WARNING),
    ("ПАНИКА", PANIC),
    ("ПАНІКА", PANIC),
    ("ЗАМЕЧАНИЕ", NOTICE),
    ("ПОВІДОМЛЕННЯ", NOTICE),
    ("ИНФОРМАЦИЯ", INFO),
    ("ІНФОРМАЦІЯ", INFO),
    ("ОТЛАДКА", DEBUG),
    ("НАЛАГОДЖЕННЯ", DEBUG),
    ("ПОДСКАЗКА", HINT),
    ("УКАЗІВКА", HINT),
    ("ЗАПРОС", QUERY),
    ("ЗАПИТ", QUERY),
    ("КОНТЕКСТ", CONTEXT),
    ("ПОЛОЖЕНИЕ", LOCATION),
    ("РОЗТАШУВАННЯ", LOCATION),
    ("СТЕК", BACKTRACE),
    ("ВІДСТЕЖУВАТИ", BACKTRACE),
];

/// Japanese and Chinese.
static HAN: &[(&str, Word)] = &[
    ("日志", LOG),
    ("詳細", DETAIL),
    ("详细信息", DETAIL),
    ("文", STATEMENT),
    ("语句", STATEMENT),
    ("错误", ERROR),
    ("致命错误", FATAL),
    ("警告", WARNING),
    ("比致命错误还过分的错误", PANIC),
    ("注意", NOTICE),
    ("信息", INFO),
    ("调试", DEBUG),
    ("ヒント", HINT),
    ("提示", HINT),
    ("問い合わせ", QUERY),
    ("查询", QUERY),
    ("文脈", CONTEXT),
    ("上下文", CONTEXT),
    ("場所", LOCATION),
    ("位置", LOCATION),
    ("バックトレース", BACKTRACE),
];

/// Korean.
static HANGUL: &[(&str, Word)] = &[
    ("로그", LOG),
    ("상세정보", DETAIL),
    ("명령 구문", STATEMENT),
    ("오류", ERROR),
    ("치명적오류", FATAL),
    ("경고", WARNING),
    ("손상", PANIC),
    ("알림", NOTICE),
    ("정보", INFO),
    ("디버그", DEBUG),
    ("힌트", HINT),
    ("쿼리", QUERY),
    ("내용", CONTEXT),
    ("위치", LOCATION),
    ("역추적", BACKTRACE),
];

/// The word that a text begins with, and where what follows it begins: after the colon and at most two spaces.
#[inline]
pub fn word(text: &[u8]) -> Option<(Word, usize)> {
    let first = *text.first()?;
    // names in front of a word begin like this far more often than a word does
    if !first.is_ascii_uppercase() && first < 0xC3 {
        return None;
    }
    english(text, first).or_else(|| foreign(text, first))
}

#[inline]
fn english(text: &[u8], first: u8) -> Option<(Word, usize)> {
    let (word, rest) = match first {
        b'L' => match text.strip_prefix(b"LOG:") {
            Some(rest) => (LOG, rest),
            None => (LOCATION, text.strip_prefix(b"LOCATION:")?),
        },
        b'D' => match text.strip_prefix(b"DETAIL:") {
            Some(rest) => (DETAIL, rest),
            None => match text.strip_prefix(b"DEBUG")? {
                // the server prints the level without its number, other programs with it
                [b':', rest @ ..] | [b'1'..=b'5', b':', rest @ ..] => (DEBUG, rest),
                _ => return None,
            },
        },
        b'E' => (ERROR, text.strip_prefix(b"ERROR:")?),
        b'S' => (STATEMENT, text.strip_prefix(b"STATEMENT:")?),
        b'F' => (FATAL, text.strip_prefix(b"FATAL:")?),
        b'H' => (HINT, text.strip_prefix(b"HINT:")?),
        b'C' => (CONTEXT, text.strip_prefix(b"CONTEXT:")?),
        b'W' => (WARNING, text.strip_prefix(b"WARNING:")?),
        b'N' => (NOTICE, text.strip_prefix(b"NOTICE:")?),
        b'I' => (INFO, text.strip_prefix(b"INFO:")?),
        b'Q' => (QUERY, text.strip_prefix(b"QUERY:")?),
        b'P' => (PANIC, text.strip_prefix(b"PANIC:")?),
        b'B' => (BACKTRACE, text.strip_prefix(b"BACKTRACE:")?),
        _ => return None,
    };
    let at = text.len() - rest.len();
    match rest {
        [b' ', b' ', ..] => Some((word, at + 2)),
        [b' ', ..] => Some((word, at + 1)),
        // nothing to say, and a carrier that cuts trailing spaces
        [] | [b'\r'] => Some((word, at)),
        _ => None,
    }
}

fn foreign(text: &[u8], first: u8) -> Option<(Word, usize)> {
    let table = match first {
        b'A'..=b'Z' => LATIN,
        0xD0 | 0xD1 => CYRILLIC,
        0xE3..=0xE9 => HAN,
        0xEA..=0xED => HANGUL,
        _ => return None,
    };
    table.iter().find_map(|(name, word)| {
        let rest = text.strip_prefix(name.as_bytes())?;
        // French has a space before the colon, Korean may have none after it
        let rest = rest.strip_prefix(b" ").unwrap_or(rest).strip_prefix(b":")?;
        let spaces = rest.iter().take(2).take_while(|byte| **byte == b' ').count();
        if matches!(word, Word::Level(_)) && spaces == 0 && !matches!(rest, [] | [b'\r']) {
            return None;
        }
        Some((*word, text.len() - rest.len() + spaces))
    })
}

/// What a translated message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Duration,
    TimedStatement,
    TimedParse,
    TimedBind,
    TimedFetch,
    TimedExecute,
    TimedFastpath,
    Statement,
    Fetch,
    Execute,
    Fastpath,
    ConnectionReceived,
    ConnectionAuthenticated,
    ConnectionAuthorized,
    Disconnection,
    LockWaiting,
    LockAcquired,
    LockRearranged,
    LockDeadlock,
    LockFailed,
    Deadlock,
    StatementTimeout,
    LockTimeout,
    UserRequest,
    RecoveryConflict,
    AutovacuumTask,
    IdleInTransactionTimeout,
    IdleSessionTimeout,
    AdminCommand,
    TemporaryFile,
    CheckpointStarting,
    RestartpointStarting,
    CheckpointComplete,
    CheckpointsTooFrequent,
    Autovacuum,
    Autoanalyze,
    Started,
    Shutdown,
    Recovered,
    Crashed,
    Parameters,
    PortalParameters,
}

/// A hole of a format string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hole {
    Any,
    Ms,
    Name,
    Rest,
    User,
    Database,
    Application,
    Session,
    Pid,
    Mode,
    Object,
    Bytes,
    Seconds,
    Table,
    Buffers,
    Added,
    Removed,
    Recycled,
    Write,
    Sync,
    Total,
}

const HOLES: [(&str, Hole); 21] = [
    ("any", Hole::Any),
    ("ms", Hole::Ms),
    ("name", Hole::Name),
    ("rest", Hole::Rest),
    ("user", Hole::User),
    ("database", Hole::Database),
    ("application", Hole::Application),
    ("session", Hole::Session),
    ("pid", Hole::Pid),
    ("mode", Hole::Mode),
    ("object", Hole::Object),
    ("bytes", Hole::Bytes),
    ("secs", Hole::Seconds),
    ("table", Hole::Table),
    ("buffers", Hole::Buffers),
    ("added", Hole::Added),
    ("removed", Hole::Removed),
    ("recycled", Hole::Recycled),
    ("write", Hole::Write),
    ("sync", Hole::Sync),
    ("total", Hole::Total),
];

/// What stood in the holes of a message; empty where it has no such hole.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Values<'a>([&'a [u8]; HOLES.len()]);

impl<'a> Values<'a> {
    pub(crate) fn get(&self, hole: Hole) -> &'a [u8] {
        self.0.get(hole as usize).copied().unwrap_or_default()
    }
}

/// How far a value reaches at most, but for the last.
const VALUE_BYTES: usize = 1024;

/// What a message in one of the ten languages says, if it is one of those known here.
pub(crate) fn translated(message: &[u8]) -> Option<(What, Values<'_>)> {
    static INDEX: LazyLock<Index> = LazyLock::new(Index::new);
    let key: [u8; KEY] = message.get(..KEY)?.try_into().ok()?;
    let mut values = Values::default();
    let mut fits = |texts: &[(What, &str)]| {
        texts.iter().find_map(|(what, text)| fit(text.as_bytes(), message, &mut values).map(|()| *what))
    };
    let what = match INDEX.by_head.binary_search_by_key(&key, |(head, _)| *head) {
        Ok(at) => INDEX.by_head.get(at).and_then(|(_, texts)| fits(texts)),
        // the text begins with a value: a number or a quoted name
        Err(_) if key[0].is_ascii_digit() || key[0] == b'"' => fits(&INDEX.headless),
        Err(_) => None,
    }?;
    Some((what, values))
}

/// How many bytes of a message choose the texts that are tried.
const KEY: usize = 4;

type Texts = Vec<(What, &'static str)>;

struct Index {
    by_head: Vec<([u8; KEY], Texts)>,
    headless: Texts,
}

impl Index {
    fn new() -> Self {
        let mut by_head = std::collections::BTreeMap::<_, Texts>::new();
        let mut headless = Vec::new();
        for (what, text) in TEXTS.iter().flat_map(|(what, texts)| texts.iter().map(move |text| (*what, *text))) {
            match text.as_bytes().first_chunk::<KEY>() {
                Some(head) if !head.contains(&b'{') => by_head.entry(*head).or_default().push((what, text)),
                _ => headless.push((what, text)),
            }
        }
        Self { by_head: by_head.into_iter().collect(), headless }
    }
}

/// Whether a message is a format string with its holes filled, and with what.
fn fit<'a>(text: &[u8], message: &'a [u8], values: &mut Values<'a>) -> Option<()> {
    *values = Values::default();
    let (mut text, mut at) = (text, 0);
    loop {
        let hole_at = memchr::memchr(b'{', text).unwrap_or(text.len());
        let (literal, rest) = text.split_at(hole_at);
        at = literal_at(literal, message, at)?;
        let Some(rest) = rest.strip_prefix(b"{") else {
            let tail = message.get(at..)?;
            return (tail.trim_ascii_end().is_empty() || without_position(tail).is_empty()).then_some(());
        };
        let close = memchr::memchr(b'}', rest)?;
        let (name, rest) = (rest.get(..close)?, rest.get(close + 1..)?);
        let hole = HOLES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, hole)| *hole)?;
        let end = match hole {
            Hole::Rest => message.len(),
            Hole::Any | Hole::Name | Hole::User | Hole::Database | Hole::Application => until(rest, message, at)?,
            Hole::Mode | Hole::Object | Hole::Table | Hole::Session => until(rest, message, at)?,
            _ => at + message.get(at..)?.iter().take_while(|b| b.is_ascii_digit() || matches!(b, b'.' | b',')).count(),
        };
        // a number that ends a sentence takes no comma of it along
        let value = message.get(at..end)?;
        let value = match hole {
            Hole::Any | Hole::Rest => value,
            _ => value.strip_suffix(b",").unwrap_or(value),
        };
        at += value.len();
        if let Some(slot) = values.0.get_mut(hole as usize) {
            *slot = value;
        }
        text = rest;
    }
}

/// Where the value ends that begins there: before the words that follow it in the format string.
fn until(rest: &[u8], message: &[u8], at: usize) -> Option<usize> {
    let literal = rest.split(|byte| *byte == b'{').next().unwrap_or(rest);
    if literal.is_empty() {
        return Some(message.len());
    }
    let window = message.len().min(at + VALUE_BYTES);
    let first = literal.iter().find(|byte| !byte.is_ascii_whitespace()).copied()?;
    let mut from = at;
    // the first byte of the words that is no space finds them; the spaces before are theirs
    loop {
        let found = from + memchr::memchr(first, message.get(from..window)?)?;
        let spaces = literal.first().is_some_and(u8::is_ascii_whitespace);
        let value = message.get(at..found)?;
        let start = if spaces { at + trim_spaces(value) } else { found };
        if literal_at(literal, message, start).is_some() {
            return Some(start);
        }
        from = found + 1;
    }
}

/// The length without the white space at the end, non-breaking spaces included.
fn trim_spaces(mut value: &[u8]) -> usize {
    loop {
        let trimmed = value.trim_ascii_end();
        let trimmed = trimmed.strip_suffix("\u{a0}".as_bytes()).unwrap_or(trimmed);
        let trimmed = trimmed.strip_suffix("\u{202f}".as_bytes()).unwrap_or(trimmed);
        if trimmed.len() == value.len() {
            return value.len();
        }
        value = trimmed;
    }
}

/// Where the words of a format string end if they stand there; white space equals any other, and none.
fn literal_at(literal: &[u8], message: &[u8], mut at: usize) -> Option<usize> {
    for byte in literal {
        if byte.is_ascii_whitespace() {
            at = after_spaces(message, at);
            continue;
        }
        if message.get(at) != Some(byte) {
            // languages differ, and change their mind, about a space before a colon
            at = after_spaces(message, at);
        }
        if message.get(at) != Some(byte) {
            return None;
        }
        at += 1;
    }
    Some(at)
}

/// The place after a few spaces of any kind, so few that looking twice costs nothing.
fn after_spaces(message: &[u8], mut at: usize) -> usize {
    for _ in 0..8 {
        at += match message.get(at..) {
            Some([b' ' | b'\t' | b'\n' | b'\r', ..]) => 1,
            Some([0xC2, 0xA0, ..]) => 2,
            Some([0xE2, 0x80, 0xAF, ..]) => 3,
            _ => break,
        };
    }
    at
}

/// What the server adds to the message where the error has a place in the statement.
static POSITIONS: &[(&str, &str)] = &[
    (" at character ", ""),
    (" au caractère ", ""),
    (" bei Zeichen ", ""),
    (" en carácter ", ""),
    (" al carattere ", ""),
    ("(", "文字目)"),
    (" (символ ", ")"),
    (" ", " 번째 문자 부근"),
    (" vid tecken ", ""),
    (" символ ", ""),
    (" 第 ", " 个字符处"),
];

/// A message without the position at its end: ` at character 15`.
pub(crate) fn without_position(message: &[u8]) -> &[u8] {
    let found = POSITIONS.iter().find_map(|(before, after)| {
        let rest = message.strip_suffix(after.as_bytes())?;
        let digits = rest.iter().rev().take(12).take_while(|byte| byte.is_ascii_digit()).count();
        let (rest, digits) = rest.split_at_checked(rest.len() - digits)?;
        rest.strip_suffix(before.as_bytes()).filter(|_| !digits.is_empty())
    });
    found.unwrap_or(message)
}

/// What stands for a user, a database or an application before they are known.
static UNKNOWN: &[&str] = &[
    "[inconnu]",
    "[unbekannt]",
    "[desconocido]",
    "[sconosciuto]",
    "[不明]",
    "[н/д]",
    "[알수없음]",
    "[okänd]",
    "[未知]",
];

/// A name, `[unknown]` in whatever language as in English.
#[inline]
pub(crate) fn known(name: &[u8]) -> &[u8] {
    let is_unknown = name.first() == Some(&b'[') && UNKNOWN.iter().any(|unknown| unknown.as_bytes() == name);
    if is_unknown { b"[unknown]" } else { name }
}

/// The list of parameters in a `DETAIL`, or in a line of a `CONTEXT`, in one of the ten languages.
pub(crate) fn translated_parameters(text: &[u8]) -> Option<&[u8]> {
    if let Some((What::Parameters | What::PortalParameters, values)) = translated(text) {
        let list = values.get(Hole::Rest);
        return Some(list.strip_suffix(" »".as_bytes()).unwrap_or(list));
    }
    None
}

/// The server's format strings. What is longer than what is wanted of it ends in `{rest}`; of texts that begin alike, the
/// more particular comes first.
#[rustfmt::skip]
static TEXTS: &[(What, &[&str])] = &[
    (What::Duration, &[
        "durée : {ms} ms",
        "Dauer: {ms} ms",
        "duración: {ms} ms",
        "durata: {ms} ms",
        "期間: {ms} ミリ秒",
        "продолжительность: {ms} мс",
        "실행시간: {ms} ms",
        "varaktighet {ms} ms",
        "varaktighet: {ms} ms",
        "тривалість: {ms} мс",
        "执行时间: {ms} ms",
    ]),
    (What::TimedStatement, &[
        "durée : {ms} ms, instruction : {rest}",
        "Dauer: {ms} ms Anweisung: {rest}",
        "duración: {ms} ms sentencia: {rest}",
        "durata: {ms} ms istruzione: {rest}",
        "期間: {ms} ミリ秒 文: {rest}",
        "продолжительность: {ms} мс, оператор: {rest}",
        "실행시간: {ms} ms 명령 구문: {rest}",
        "varaktighet: {ms} ms sats: {rest}",
        "тривалість: {ms} мс, оператор: {rest}",
        "执行时间: {ms} ms 语句: {rest}",
    ]),
    (What::TimedParse, &[
        "durée : {ms} ms, analyse {name} : {rest}",
        "Dauer: {ms} ms Parsen {name}: {rest}",
        "duración: {ms} ms parse: {name}: {rest}",
        "durata: {ms} ms analisi di {name}: {rest}",
        "期間: {ms} ミリ秒 パース{name} : {rest}",
        "продолжительность: {ms} мс, разбор {name}: {rest}",
        "실행시간: {ms} ms {name} 구문분석: {rest}",
        "varaktighet: {ms} ms parse {name}: {rest}",
        "тривалість: {ms} мс, аналізування {name}: {rest}",
        "执行时间: {ms} ms 解析 {name}: {rest}",
    ]),
    (What::TimedBind, &[
        "durée : {ms} ms, lien {name} : {rest}",
        "Dauer: {ms} ms Binden {name}: {rest}",
        "duración: {ms} ms bind {name}: {rest}",
        "durata: {ms} ms bind {name}: {rest}",
        "期間: {ms} ミリ秒 バインド {name}: {rest}",
        "продолжительность: {ms} мс, сообщение Bind {name}: {rest}",
        "실행시간: {ms} ms {name} 접속: {rest}",
        "varaktighet: {ms} ms bind {name}: {rest}",
        "тривалість: {ms} мс, повідомлення bind {name}: {rest}",
        "执行时间: {ms} ms 绑定{name}: {rest}",
    ]),
    (What::TimedFetch, &[
        "durée : {ms} ms exécute fetch à partir de {name}: {rest}",
        "Dauer: {ms} ms Ausführen Fetch von {name}: {rest}",
        "duración: {ms} ms ejecutar fetch desde {name}: {rest}",
        "durata: {ms} ms esecuzione di fetch da {name}: {rest}",
        "期間: {ms} ミリ秒 取り出し実行 {name}: {rest}",
        "продолжительность: {ms} мс выборка из {name}: {rest}",
        "수행시간: {ms} ms 자료뽑기 {name}: {rest}",
        "varaktighet: {ms} ms kör hämtning från {name}: {rest}",
        "тривалість: {ms} мс виконати витягнення з {name}: {rest}",
        "执行时间: {ms} ms 执行FETCH操作{name}: {rest}",
    ]),
    (What::TimedExecute, &[
        "durée : {ms} ms exécute {name}: {rest}",
        "Dauer: {ms} ms Ausführen {name}: {rest}",
        "duración: {ms} ms ejecutar {name}: {rest}",
        "durata: {ms} ms esecuzione di {name}: {rest}",
        "期間: {ms} ミリ秒 実行 {name}: {rest}",
        "продолжительность: {ms} мс выполнение {name}: {rest}",
        "수행시간: {ms} ms 쿼리실행 {name}: {rest}",
        "varaktighet: {ms} ms kör {name}: {rest}",
        "тривалість: {ms} мс виконувати {name}: {rest}",
        "执行时间: {ms} ms 执行{name}: {rest}",
    ]),
    (What::TimedFastpath, &[
        "durée : {ms} ms, appel de fonction fastpath : « {name} » (OID {rest}",
        "Dauer: {ms} ms Fastpath-Funktionsaufruf: »{name}« (OID {rest}",
        "duración: {ms} ms llamada a función fastpath: «{name}» (OID {rest}",
        "durata: {ms} ms chiamata funzione fastpath: \"{name}\" (OID {rest}",
        "期間: {ms}ミリ秒 ファストパス関数呼び出し: \"{name}\" (OID {rest}",
        "продолжительность {ms} мс, вызов функции (через fastpath): \"{name}\" (OID {rest}",
        "작업시간: {ms} ms fastpath 함수 호출: \"{name}\" (OID {rest}",
        "varaktighet: {ms} ms fastpath funktionsanrop: \"{name}\" (OID {rest}",
        "тривалість: {ms} мс, виклик функції fastpath: \"{name}\" (OID {rest}",
        "持续时间: {ms} ms 快速路经的函数调用: \"{name}\" (OID {rest}",
    ]),
    (What::Statement, &[
        "instruction : {rest}",
        "Anweisung: {rest}",
        "sentencia: {rest}",
        "istruzione: {rest}",
        "文: {rest}",
        "оператор: {rest}",
        "명령 구문: {rest}",
        "sats: {rest}",
        "语句: {rest}",
    ]),
    (What::Fetch, &[
        "exécute fetch à partir de {name}: {rest}",
        "Ausführen Fetch von {name}: {rest}",
        "ejecutar fetch desde {name}: {rest}",
        "esecuzione di fetch da {name}: {rest}",
        "取り出し実行 {name}: {rest}",
        "выборка из {name}: {rest}",
        "자료뽑기 {name}: {rest}",
        "kör hämtning från {name}: {rest}",
        "виконати витягнення з {name}: {rest}",
        "执行FETCH操作 {name}: {rest}",
    ]),
    (What::Execute, &[
        "exécute {name}: {rest}",
        "Ausführen {name}: {rest}",
        "ejecutar {name}: {rest}",
        "esecuzione di {name}: {rest}",
        "実行 {name}: {rest}",
        "выполнение {name}: {rest}",
        "쿼리실행 {name}: {rest}",
        "kör {name}: {rest}",
        "виконувати {name}: {rest}",
        "执行 {name}: {rest}",
    ]),
    (What::Fastpath, &[
        "appel de fonction fastpath : « {name} » (OID {rest}",
        "Fastpath-Funktionsaufruf: »{name}« (OID {rest}",
        "llamada a función fastpath: «{name}» (OID {rest}",
        "chiamata funzione fastpath: \"{name}\" (OID {rest}",
        "近道関数呼び出し: \"{name}\"(OID {rest}",
        "вызов функции (через fastpath): \"{name}\" (OID {rest}",
        "fastpath 함수 호출: \"{name}\" (OID {rest}",
        "fastpath funktionsanrop: \"{name}\" (OID {rest}",
        "виклик функції fastpath: \"{name}\" (OID {rest}",
        "快捷路径函数调用: \"{name}\" (OID {rest}",
    ]),
    (What::ConnectionReceived, &[
        "connexion reçue : hôte={rest}",
        "Verbindung empfangen: Host={rest}",
        "conexión recibida: host={rest}",
        "connessione ricevuta: host={rest}",
        "接続を受け付けました: ホスト={rest}",
        "принято подключение: узел={rest}",
        "접속 수락: host={rest}",
        "ansluting mottagen: värd={rest}",
        "з'єднання отримано: хост={rest}",
        "已接收到连接: 主机={rest}",
    ]),
    (What::ConnectionAuthenticated, &[
        "connexion authentifiée : identité={rest}",
        "Verbindung authentifiziert: Identität={rest}",
        "conexión autenticada: identidad={rest}",
        "connessione autenticata: identity={rest}",
        "接続認証完了: 識別名={rest}",
        "соединение аутентифицировано: идентификатор={rest}",
        "연결 인증됨: 식별자={rest}",
        "anslutning autentiserad: identitet={rest}",
        "підключення автентифіковано: ідентифікатор={rest}",
    ]),
    (What::ConnectionAuthorized, &[
        "connexion autorisée : utilisateur={user} base de données {database} application_name={application}",
        "connexion autorisée : utilisateur={user} base de données {database}",
        "connexion autorisée : utilisateur={user}",
        "connexion de réplication autorisée : utilisateur={user} application_name={application}",
        "connexion de réplication autorisée : utilisateur={user}",
        "Verbindung autorisiert: Benutzer={user} Datenbank={database} application_name={application}",
        "Verbindung autorisiert: Benutzer={user} Datenbank={database}",
        "Verbindung autorisiert: Benutzer={user}",
        "Replikationsverbindung autorisiert: Benutzer={user} application_name={application}",
        "Replikationsverbindung autorisiert: Benutzer={user}",
        "conexión autorizada: usuario={user} base_de_datos={database} nombre_de_aplicación={application}",
        "conexión autorizada: usuario={user} base_de_datos={database}",
        "conexión autorizada: usuario={user}",
        "conexión de replicación autorizada: usuario={user} nombre_de_aplicación={application}",
        "conexión de replicación autorizada: usuario={user}",
        "connessione autorizzata: utente={user} database {database} application_name={application}",
        "connessione autorizzata: utente={user} database {database}",
        "connessione autorizzata: utente={user}",
        "connessione di replica autorizzata: utente={user} application_name={application}",
        "connessione di replica autorizzata: utente={user}",
        "接続の認証完了: ユーザー={user} データベース={database} application_name={application}",
        "接続の認証完了: ユーザー={user} データベース={database}",
        "接続の認証完了: ユーザー={user}",
        "レプリケーション接続の認証完了: ユーザー={user} application_name={application}",
        "レプリケーション接続の認証完了: ユーザー={user}",
        "подключение авторизовано: пользователь={user} база={database} приложение={application}",
        "подключение авторизовано: пользователь={user} база={database}",
        "подключение авторизовано: пользователь={user}",
        "подключение для репликации авторизовано: пользователь={user} приложение={application}",
        "подключение для репликации авторизовано: пользователь={user}",
        "연결 인증: user={user} database={database} application_name={application}",
        "연결 인증: user={user} database={database}",
        "연결 인증: user={user}",
        "복제 연결 인증: user={user} application_name={application}",
        "복제 연결 인증: user={user}",
        "anslutning auktoriserad: användare={user}databas={database} applikationsnamn={application}",
        "anslutning auktoriserad: användare={user}databas={database}",
        "anslutning auktoriserad: användare={user}",
        "replikeringsanslutning auktoriserad: användare={user} applikationsnamn={application}",
        "replikeringsanslutning auktoriserad: användare={user}",
        "підключення авторизовано: користувач={user} database={database} application_name={application}",
        "підключення авторизовано: користувач={user} database={database}",
        "підключення авторизовано: користувач={user}",
        "підключення для реплікації авторизовано: користувач={user} application_name={application}",
        "підключення для реплікації авторизовано: користувач={user}",
        "已授权连接: user={user} database={database} application_name={application}",
        "已授权连接: 主机={user} 数据库={database}",
        "复制连接已经授权: 用户={user}",
    ]),
    (What::Disconnection, &[
        "déconnexion : durée de la session : {session} utilisateur={user} base={database} hôte={rest}",
        "Verbindungsende: Sitzungszeit: {session} Benutzer={user} Datenbank={database} Host={rest}",
        "desconexión: duración de sesión: {session} usuario={user} base={database} host={rest}",
        "disconnessione: tempo della sessione: {session} utente={user} database={database} host={rest}",
        "接続を切断: セッション時間: {session} ユーザー={user} データベース={database} ホスト={rest}",
        "отключение: время сеанса: {session} пользователь={user} база данных={database} компьютер={rest}",
        "연결종료: 세션 시간: {session} 사용자={user} 데이터베이스={database} 호스트={rest}",
        "nedkoppling: sessionstid: {session} användare={user} databas={database} värd={rest}",
        "відключення: час сеансу: {session} користувач = {user} база даних = {database} хост = {rest}",
        "断开连接: 会话时间: {session} user={user} database={database} host={rest}",
    ]),
    (What::LockWaiting, &[
        "le processus {pid} est toujours en attente de {mode} sur {object} après {ms} ms",
        "Prozess {pid} wartet immer noch auf {mode}-Sperre auf {object} nach {ms} ms",
        "el proceso {pid} aún espera {mode} en {object} después de {ms} ms",
        "il processo {pid} è ancora un attesa di {mode} su {object} dopo {ms} ms",
        "プロセス{pid}は{mode}を{object}で待機しています。{ms}ミリ秒後",
        "процесс {pid} продолжает ожидать в режиме {mode} блокировку \"{object}\" в течение {ms} мс",
        "{pid} PID 프로세스에서 여전히 {mode}({object}) 작업을 기다리고 있음({ms}ms 후)",
        "process {pid} väntar fortfarande på {mode} för {object} efter {ms} ms",
        "процес {pid} все ще чекає в режимі {mode} блокування {object} після {ms} мс",
        "进程{pid}在{ms} ms仍然等待在{object}上的{mode}",
    ]),
    (What::LockFailed, &[
        "le processus {pid} a échoué pour l'acquisition de {mode} sur {object} après {ms} ms",
        "Prozess {pid} konnte {mode}-Sperre auf {object} nach {ms} ms nicht erlangen",
        "el proceso {pid} no pudo adquirir {mode} en {object} después de {ms} ms",
        "il processo {pid} ha fallito l'acquisizione di {mode} su {object} dopo {ms} ms",
        "プロセス{pid}は{ms} ms後に{object}上で{mode}を獲得することに失敗しました",
        "процесс {pid} не смог получить в режиме {mode} блокировку \"{object}\" за {ms} мс",
        "프로세스 {pid}에서 {mode}({object})을(를) 취득하지 못함({ms}ms 후)",
        "process {pid} misslyckades att ta {mode} på {object} efter {ms} ms",
        "процес {pid} не зміг отримати в режимі {mode} блокування {object} після {ms} мс",
        "进程{pid}在{ms} ms后获取在{object}上的{mode}失败",
    ]),
    (What::LockAcquired, &[
        "le processus {pid} a acquis {mode} sur {object} après {ms} ms",
        "Prozess {pid} erlangte {mode}-Sperre auf {object} nach {ms} ms",
        "el proceso {pid} adquirió {mode} en {object} después de {ms} ms",
        "il processo {pid} ha acquisito {mode} su {object} dopo {ms} ms",
        "プロセス{pid}は{ms} ms後に{object}上の{mode}を獲得しました",
        "процесс {pid} получил в режиме {mode} блокировку \"{object}\" через {ms} мс",
        "{pid} PID 프로세스가 {mode}({object}) 작업을 위해 잠금 취득함({ms}ms 후)",
        "process {pid} fick {mode} på {object} efter {ms} ms",
        "процес {pid} отримав в режимі {mode} блокування {object} після {ms} мс",
        "进程{pid}在{ms} ms后获取在{object}上的{mode}",
    ]),
    (What::LockRearranged, &[
        "le processus {pid} a évité un verrou mortel pour {mode} sur {object} en modifiant l'ordre de la queue après {ms} ms",
        "Prozess {pid} vermied Verklemmung wegen {mode}-Sperre auf {object} durch Umordnen der Queue nach {ms} ms",
        "el proceso {pid} evitó un deadlock para {mode} en {object} reordenando la cola después de {ms} ms",
        "il processo {pid} ha evitato un deadlock per {mode} su {object} modificando l'ordine della coda dopo {ms} ms",
        "プロセス{pid}は、{ms} ms後にキューの順番を再調整することで、{object}上の{mode}に対するデッドロックを防ぎました。",
        "процесс {pid} избежал взаимоблокировки, ожидая в режиме {mode} блокировку \"{object}\", изменив порядок очереди через {ms} мс",
        "{pid} PID 프로세스는 {mode}({object})에 대해 교착 상태가 발생하지 않도록 {ms}ms 후에 대기열 순서를 다시 조정함",
        "process {pid} undvek deadlock på {mode} för {object} genom att kasta om köordningen efter {ms} ms",
        "процес {pid} уникнув взаємного блокування, чекаючи в режимі {mode} блокування {object} змінивши порядок черги після {ms} мс",
        "进程{pid}在{ms} ms通过重新安排序列顺序来避免在{object}上的{mode}的死锁",
    ]),
    (What::LockDeadlock, &[
        "le processus {pid} a détecté un verrou mortel alors qu'il était en attente de {mode} sur {object} après {ms} ms",
        "Prozess {pid} hat Verklemmung festgestellt beim Warten auf {mode}-Sperre auf {object} nach {ms} ms",
        "el proceso {pid} detectó un deadlock mientras esperaba {mode} en {object} después de {ms} ms",
        "il processo {pid} ha individuato un deadlock mentre era in attesa di {mode} su {object} dopo {ms} ms",
        "プロセス{pid}は、{object}上の{mode}に対し{ms} ms待機するデッドロックを検知しました",
        "процесс {pid} обнаружил взаимоблокировку, ожидая в режиме {mode} блокировку \"{object}\" в течение {ms} мс",
        "{pid} PID 프로세스에서 {mode}({object}) 대기중 {ms}ms 후에 교착 상태를 감지함",
        "process {pid} upptäckte deadlock medan den väntade på {mode} för {object} efter {ms} ms",
        "процес {pid} виявив взаємне блокування, чекаючи в режимі {mode} блокування {object} після {ms} мс",
        "进程{pid}在{ms} ms等待在{object}上的{mode}同时监测到死锁",
    ]),
    (What::Deadlock, &[
        "interblocage (deadlock) détecté",
        "Verklemmung (Deadlock) entdeckt",
        "se ha detectado un deadlock",
        "rilevato deadlock",
        "デッドロックを検出しました",
        "обнаружена взаимоблокировка",
        "deadlock 발생했음",
        "deadlock upptäckt",
        "виявлено взаємне блокування",
        "检测到死锁",
    ]),
    (What::StatementTimeout, &[
        "annulation de la requête à cause du délai écoulé pour l'exécution de l'instruction",
        "storniere Anfrage wegen Zeitüberschreitung der Anfrage",
        "cancelando la sentencia debido a que se agotó el tiempo de espera de sentencias",
        "annullamento dell'istruzione a causa di timeout",
        "ステートメントのタイムアウトのためステートメントをキャンセルしています",
        "выполнение оператора отменено из-за тайм-аута",
        "명령실행시간 초과로 작업을 취소합니다.",
        "avbryter sats på grund av sats-timeout",
        "виконання оператора скасовано через тайм-аут",
        "由于语句执行超时，正在取消查询命令",
    ]),
    (What::LockTimeout, &[
        "annulation de la requête à cause du délai écoulé pour l'obtention des verrous",
        "storniere Anfrage wegen Zeitüberschreitung einer Sperre",
        "cancelando la sentencia debido a que se agotó el tiempo de espera de candados (locks)",
        "annullamento dell'istruzione a causa di timeout di lock",
        "ロックのタイムアウトのためステートメントをキャンセルしています",
        "выполнение оператора отменено из-за тайм-аута блокировки",
        "잠금 대기 시간 초과로 작업을 취소합니다.",
        "avbryter sats på grund av lås-timeout",
        "виконання оператора скасовано через тайм-аут блокування",
        "由于锁超时，取消语句操作",
    ]),
    (What::UserRequest, &[
        "annulation de la requête à la demande de l'utilisateur",
        "storniere Anfrage wegen Benutzeraufforderung",
        "cancelando la sentencia debido a una petición del usuario",
        "annullamento dell'istruzione su richiesta dell'utente",
        "ユーザーからの要求により文をキャンセルしています",
        "выполнение оператора отменено по запросу пользователя",
        "사용자 요청에 의해 작업을 취소합니다.",
        "avbryter sats på användares begäran",
        "виконання оператора скасовано по запиту користувача",
        "由于用户请求而正在取消查询",
    ]),
    (What::RecoveryConflict, &[
        "annulation de la requête à cause d'un conflit avec la restauration",
        "arrêt de la connexion à cause d'un conflit avec la restauration",
        "storniere Anfrage wegen Konflikt mit der Wiederherstellung",
        "Verbindung wird abgebrochen wegen Konflikt mit der Wiederherstellung",
        "cancelando la sentencia debido a un conflicto con la recuperación",
        "terminando la conexión debido a un conflicto con la recuperación",
        "annullamento dell'istruzione a causa di un conflitto con il ripristino",
        "interruzione della connessione a causa di conflitto con il ripristino",
        "リカバリで競合が発生したためステートメントをキャンセルしています",
        "リカバリで競合が発生したため、接続を終了しています",
        "выполнение оператора отменено из-за конфликта с процессом восстановления",
        "закрытие подключения из-за конфликта с процессом восстановления",
        "복구 작업 중 충돌이 발생해 작업을 중지합니다.",
        "복구 작업 중 충돌로 연결을 끝냅니다",
        "avbryter sats på grund av konflikt med återställning",
        "avslutar anslutning på grund av konflikt med återställning",
        "виконання оператора скасовано через конфлікт з процесом відновлення",
        "завершення підключення через конфлікт з процесом відновлення",
        "由于与恢复操作冲突，正在取消语句命令",
        "由于与恢复操作相冲突而中断连接",
    ]),
    (What::AutovacuumTask, &[
        "annulation de la tâche d'autovacuum",
        "storniere Autovacuum-Aufgabe",
        "cancelando tarea de autovacuum",
        "annullamento del task di autovacuum",
        "自動VACUUM処理をキャンセルしています",
        "отмена задачи автоочистки",
        "자동 청소 작업을 취소하는 중",
        "avbryter autovacuum-uppgift",
        "скасування завдання автоочистки",
        "正在取消自动清理任务",
    ]),
    (What::IdleInTransactionTimeout, &[
        "arrêt des connexions suite à l'expiration du délai d'inactivité en transaction",
        "Verbindung wird abgebrochen wegen Zeitüberschreitung in inaktiver Transaktion",
        "terminando la conexión debido a que se agotó el tiempo de espera para transacciones abiertas inactivas",
        "la connessione è stata terminata a causa di timeout di inattività durante una transazione",
        "トランザクション中アイドルタイムアウトのため接続を終了します",
        "закрытие подключения из-за тайм-аута простоя в транзакции",
        "idle-in-transaction 시간 초과로 연결을 끝냅니다",
        "terminerar anslutning på grund av idle-in-transaction-timeout",
        "завершення підключення через тайм-аут бездіяльності в транзакції",
        "由于空载事务超时而终止连接",
    ]),
    (What::IdleSessionTimeout, &[
        "arrêt des connexions suite à l'expiration du délai d'inactivité de la session",
        "Verbindung wird abgebrochen wegen Zeitüberschreitung in inaktiver Sitzung",
        "terminando la conexión debido a que se agotó el tiempo de espera para sesiones abiertas inactivas",
        "terminazione della connessione a causa del timeout della sessione inattiva",
        "アイドルセッションタイムアウトにより接続を終了します",
        "закрытие подключения из-за тайм-аута простоя сеанса",
        "idle-session 시간 초과로 연결을 끝냅니다",
        "stänger anslutning på grund av idle-session-timeout",
        "завершення підключення через тайм-аут неактивного сеансу",
    ]),
    (What::AdminCommand, &[
        "arrêt des connexions suite à la demande de l'administrateur",
        "Verbindung wird abgebrochen aufgrund von Anweisung des Administrators",
        "terminando la conexión debido a una orden del administrador",
        "interruzione della connessione su comando dell'amministratore",
        "管理者コマンドにより接続を終了しています",
        "закрытие подключения по команде администратора",
        "관리자 요청에 의해서 연결을 끝냅니다",
        "avslutar anslutning på grund av ett administratörskommando",
        "завершення підключення по команді адміністратора",
        "由于管理员命令中断联接",
    ]),
    (What::TemporaryFile, &[
        "fichier temporaire : chemin « {any} », taille {bytes}",
        "temporäre Datei: Pfad »{any}«, Größe {bytes}",
        "archivo temporal: ruta «{any}», tamaño {bytes}",
        "file temporaneo: percorso \"{any}\", dimensione {bytes}",
        "一時ファイル: パス \"{any}\"、サイズ {bytes}",
        "временный файл: путь \"{any}\", размер {bytes}",
        "임시 파일: 경로 \"{any}\", 크기 {bytes}",
        "temporär fil: sökväg \"{any}\", storlek {bytes}",
        "тимчасовий файл: шлях \"{any}\", розмір {bytes}",
        "临时文件: 路径 \"{any}\", 大小{bytes}",
    ]),
    (What::CheckpointStarting, &[
        "début du checkpoint :{rest}",
        "Checkpoint beginnt:{rest}",
        "empezando checkpoint:{rest}",
        "inizio checkpoint:{rest}",
        "チェックポイント開始:{rest}",
        "начата контрольная точка:{rest}",
        "체크포인트 시작:{rest}",
        "checkpoint startar:{rest}",
        "початок контрольної точки: {rest}",
    ]),
    (What::RestartpointStarting, &[
        "début du restartpoint :{rest}",
        "Restart-Punkt beginnt:{rest}",
        "empezando restartpoint:{rest}",
        "inizio del punto di riavvio:{rest}",
        "リスタートポイント開始:{rest}",
        "начата точка перезапуска:{rest}",
        "restartpoint 시작:{rest}",
        "restartpoint startar:{rest}",
        "початок точки перезапуску: {rest}",
    ]),
    (What::CheckpointComplete, &[
        "checkpoint terminé : a écrit {buffers} tampons ({any}%); {added} fichiers WAL ajoutés, {removed} supprimés, {recycled} recyclés ; écriture={write} s, synchronisation={sync} s, total={total}{rest}",
        "restartpoint terminé : a écrit {buffers} tampons ({any}%); {added} fichiers WAL ajoutés, {removed} supprimés, {recycled} recyclés ; écriture={write} s, synchronisation={sync} s, total={total}{rest}",
        "Checkpoint komplett: {buffers} Puffer geschrieben ({any}%); {added} WAL-Datei(en) hinzugefügt, {removed} entfernt, {recycled} wiederverwendet; Schreiben={write} s, Sync={sync} s, gesamt={total}{rest}",
        "Restart-Punkt komplett: {buffers} Puffer geschrieben ({any}%); {added} WAL-Datei(en) hinzugefügt, {removed} entfernt, {recycled} wiederverwendet; Schreiben={write} s, Sync={sync} s, gesamt={total}{rest}",
        "checkpoint completado: se escribió {buffers} buffers ({any}%); {added} archivo(s) WAL añadido(s), {removed} eliminado(s), {recycled} reciclado(s); escritura={write} s, sincronización={sync} s, total={total}{rest}",
        "restartpoint completado: se escribió {buffers} buffers ({any}%); {added} archivo(s) WAL añadido(s), {removed} eliminado(s), {recycled} reciclado(s); escritura={write} s, sincronización={sync} s, total={total}{rest}",
        "checkpoint completato: ha scritto {buffers} buffer ({any}%); {added} file WAL aggiunti, {removed} rimossi, {recycled} riciclati; scrittura={write} s, sincronizzazione={sync} s, totale={total}{rest}",
        "punto di riavvio completato: ha scritto {buffers} buffer ({any}%); {added} file WAL aggiunti, {removed} rimossi, {recycled} riciclati; scrittura={write} s, sincronizzazione={sync} s, totale={total}{rest}",
        "チェックポイント完了: {buffers}個のバッファを出力 ({any}%); {added}個のWALファイルを追加、{removed}個を削除、{recycled}個を再利用; 書き出し={write}秒, 同期={sync}秒, 全体={total}{rest}",
        "リスタートポイント完了: {buffers}個のバッファを出力 ({any}%); {added}個のWALファイルを追加、{removed}個を削除、{recycled}個を再利用; 書き出し={write}秒, 同期={sync}秒, 全体={total}{rest}",
        "контрольная точка завершена: записано буферов: {buffers} ({any}%); добавлено файлов WAL {added}, удалено: {removed}, переработано: {recycled}; запись={write} сек., синхр.={sync} сек., всего={total}{rest}",
        "точка перезапуска завершена: записано буферов: {buffers} ({any}%); добавлено файлов WAL {added}, удалено: {removed}, переработано: {recycled}; запись={write} сек., синхр.={sync} сек., всего={total}{rest}",
        "체크포인트 작업완료: {buffers}개({any}%) 버퍼 씀; {added}개 WAL 파일 추가됨, {removed}개 지웠음, {recycled}개 재활용; 쓰기시간: {write} s, 동기화시간: {sync} s, 전체시간: {total}{rest}",
        "restartpoint 작업완료: {buffers}개({any}%) 버퍼 씀; {added}개 WAL 파일 추가됨, {removed}개 지웠음, {recycled}개 재활용; 쓰기시간: {write} s, 동기화시간: {sync} s, 전체시간: {total}{rest}",
        "checkpoint klar: skrev {buffers} buffers ({any}%); {added} WAL-fil(er) tillagda, {removed} borttagna, {recycled} recyclade; skriv={write} s, synk={sync} s, totalt={total}{rest}",
        "restartpoint klar: skrev {buffers} buffers ({any}%); {added} WAL-fil(er) tillagda, {removed} borttagna, {recycled} recyclade; skriv={write} s, synk={sync} s, totalt={total}{rest}",
        "контрольна точка завершена: записано {buffers} буферів ({any}%); {added} WAL файлів додано, {removed} видалено, {recycled} перероблених; запис={write} сек, синхронізація={sync} сек, усього={total}{rest}",
        "точка перезапуску завершена: записано {buffers} буферів ({any}%); {added} WAL файлів додано, {removed} видалено, {recycled} перероблених; запис={write} сек, синхронізація={sync} сек, усього={total}{rest}",
    ]),
    (What::CheckpointsTooFrequent, &[
        "les points de vérification (checkpoints) arrivent trop fréquemment (toutes les {secs} seconde)",
        "les points de vérification (checkpoints) arrivent trop fréquemment (toutes les {secs} secondes)",
        "Checkpoints passieren zu oft (alle {secs} Sekunde)",
        "Checkpoints passieren zu oft (alle {secs} Sekunden)",
        "los puntos de control están ocurriendo con demasiada frecuencia (cada {secs} segundo)",
        "los puntos de control están ocurriendo con demasiada frecuencia (cada {secs} segundos)",
        "i checkpoint stanno avvenendo troppo frequentemente (a distanza di {secs} secondo)",
        "i checkpoint stanno avvenendo troppo frequentemente (a distanza di {secs} secondi)",
        "チェックポイントの発生周期が短すぎます({secs}秒間隔)",
        "контрольные точки происходят слишком часто (через {secs} сек.)",
        "체크포인트가 너무 자주 발생함 ({secs}초 간격)",
        "checkpoint:s sker för ofta ({secs} sekund emellan)",
        "checkpoint:s sker för ofta ({secs} sekunder emellan)",
        "контрольні точки відбуваються занадто часто (через {secs} сек.)",
        "检查点事件发生过于频繁({secs} 秒间隔)",
    ]),
    (What::Autovacuum, &[
        "VACUUM automatique de la table « {table} » : {rest}",
        "VACUUM automatique agressif de la table « {table} » : {rest}",
        "VACUUM automatique pour éviter un rebouclage des identifiants de transaction dans la table « {table} » : parcours d'index : {rest}",
        "VACUUM automatique agressif pour éviter un rebouclage des identifiants de transaction dans la table « {table} » : {rest}",
        "automatisches Vacuum der Tabelle »{table}«: Index-Scans: {rest}",
        "automatisches aggressives Vacuum der Tabelle »{table}«: Index-Scans: {rest}",
        "automatisches Vacuum um Überlauf zu verhindern in der Tabelle »{table}«: Index-Scans: {rest}",
        "automatisches aggressives Vacuum um Überlauf zu verhindern in der Tabelle »{table}«: Index-Scans: {rest}",
        "vacuum automático de la tabla «{table}»: recorridos de índice: {rest}",
        "vacuum agresivo automático de la tabla «{table}»: recorridos de índice: {rest}",
        "vacuum automático para prevenir wraparound de la tabla «{table}»: recorridos de índice: {rest}",
        "vacuum agresivo automático para prevenir wraparound de la tabla «{table}»: recorridos de índice: {rest}",
        "vacuum automatico della tabella \"{table}\": scan di indici: {rest}",
        "vacuum automatico aggressivo della tabella \"{table}\": scansioni di indici: {rest}",
        "vacuum automatico per impedire l'avvolgimento della tabella \"{table}\": scansioni dell'indice: {rest}",
        "テーブル\"{table}\"の自動VACUUM: インデックススキャン: {rest}",
        "テーブル\"{table}\"の積極的自動VACUUM: インデックススキャン: {rest}",
        "テーブル\"{table}\"の周回防止のための自動VACUUM: インデックススキャン: {rest}",
        "テーブル\"{table}\"の周回防止のための積極的自動VACUUM: インデックススキャン: {rest}",
        "автоматическая очистка таблицы \"{table}\": сканирований индекса: {rest}",
        "автоматическая агрессивная очистка таблицы \"{table}\": сканирований индекса: {rest}",
        "автоматическая очистка, предотвращающая зацикливание, таблицы \"{table}\": сканирований индекса: {rest}",
        "автоматическая агрессивная очистка, предотвращающая зацикливание, таблицы \"{table}\": сканирований индекса: {rest}",
        "\"{table}\" 테이블 자동 청소: 인덱스 탐색: {rest}",
        "적극적인 \"{table}\" 테이블 자동 청소: 인덱스 탐색: {rest}",
        "트랙젝션 ID 겹침 방지를 위한 \"{table}\" 테이블 자동 청소: 인덱스 탐색: {rest}",
        "트랙젝션 ID 겹침 방지를 위한 적극적인 \"{table}\" 테이블 자동 청소: 인덱스 탐색: {rest}",
        "automatisk vacuum av tabell \"{table}\": indexskanningar: {rest}",
        "automatisk vacuum för att förhindra \"wraparound\" av tabell \"{table}\": indexskanningar: {rest}",
        "automatisk aggressiv vacuum för att förhindra \"wraparound\" av tabell \"{table}\": indexskanningar: {rest}",
        "автоматичне очищення таблиці \"{table}\": сканувань індексу: {rest}",
        "автоматична агресивне очищення таблиці \"{table}\": сканувань індексу: {rest}",
        "автоматичне очищення для запобігання зацикленню таблиці \"{table}\": сканування індексу: {rest}",
        "автоматичний агресивний вакуум для запобігання зацикленню таблиці \"{table}\": сканування індексу: {rest}",
        "自动清理表\"{table}\"：索引扫描：{rest}",
        "自动积极的清理表\"{table}\"：索引扫描：{rest}",
        "自动积极的清理，防止表\"{table}\"的包围：索引扫描：{rest}",
    ]),
    (What::Autoanalyze, &[
        "ANALYZE automatique de la table « {table} »",
        "automatisches Analysieren der Tabelle »{table}«",
        "análisis automático de la tabla «{table}»",
        "analisi automatica della tabella \"{table}\"",
        "テーブル\"{table}\"に対する自動ANALYZE",
        "автоматический анализ таблицы \"{table}\"",
        "\"{table}\" 테이블 자동 분석",
        "automatisk analys av tabell \"{table}\"",
        "автоматичний аналіз таблиці \"{table}\"",
    ]),
    (What::Started, &[
        "le système de bases de données est prêt pour accepter les connexions",
        "le système de bases de données est prêt pour accepter les connexions en lecture seule",
        "Datenbanksystem ist bereit, um Verbindungen anzunehmen",
        "Datenbanksystem ist bereit, um lesende Verbindungen anzunehmen",
        "el sistema de bases de datos está listo para aceptar conexiones",
        "el sistema de bases de datos está listo para aceptar conexiones de sólo lectura",
        "il database è pronto ad accettare connessioni",
        "il sistema di database è pronto per accettare connessioni di sola lettura",
        "データベースシステムの接続受け付け準備が整いました",
        "データベースシステムはリードオンリー接続の受け付け準備ができました",
        "система БД готова принимать подключения",
        "система БД готова принимать подключения в режиме \"только чтение\"",
        "이제 데이터베이스 서버로 접속할 수 있습니다",
        "데이터베이스 시스템이 읽기 전용으로 연결을 수락할 준비가 되었습니다.",
        "databassystemet är redo att ta emot anslutningar",
        "databassystemet är redo att ta emot read-only-anslutningar",
        "система бази даних готова до отримання підключення",
        "система бази даних готова до отримання підключення лише для читання",
        "数据库系统准备接受连接",
    ]),
    (What::Shutdown, &[
        "le système de base de données est arrêté",
        "a reçu une demande d'arrêt rapide",
        "a reçu une demande d'arrêt immédiat",
        "a reçu une demande d'arrêt intelligent",
        "Datenbanksystem ist heruntergefahren",
        "schnelles Herunterfahren verlangt",
        "sofortiges Herunterfahren verlangt",
        "intelligentes Herunterfahren verlangt",
        "el sistema de bases de datos está apagado",
        "se recibió petición de apagado rápido",
        "se recibió petición de apagado inmediato",
        "se recibió petición de apagado inteligente",
        "il database è stato arrestato",
        "richiesta di arresto fast ricevuta",
        "richiesta di arresto immediate ricevuta",
        "richiesta di arresto smart ricevuta",
        "データベースシステムはシャットダウンしました",
        "高速シャットダウン要求を受け取りました",
        "即時シャットダウン要求を受け取りました",
        "スマートシャットダウン要求を受け取りました",
        "система БД выключена",
        "получен запрос на быстрое выключение",
        "получен запрос на немедленное выключение",
        "получен запрос на \"вежливое\" выключение",
        "데이터베이스 시스템 서비스를 중지했습니다",
        "fast 중지 요청을 받았습니다.",
        "immediate 중지 요청을 받았습니다.",
        "smart 중지 요청을 받았습니다.",
        "databassystemet är nedstängt",
        "tog emot förfrågan om att stänga ner snabbt",
        "mottog begäran för omedelbar nedstängning",
        "tog emot förfrågan om att stänga ner smart",
        "система бази даних вимкнена",
        "отримано швидкий запит на завершення роботи",
        "отримано запит на негайне завершення роботи",
        "отримано smart запит на завершення роботи",
        "数据库系统已关闭",
        "接收到快速 (fast) 停止请求",
        "接收到立即 (immediate) 停止请求",
        "接到到智能 (smart) 停止请求",
    ]),
    (What::Recovered, &[
        "le système de bases de données n'a pas été arrêté proprement ; restauration automatique en cours",
        "le système de bases de données a été interrompu ; dernier lancement connu à {rest}",
        "Datenbanksystem wurde nicht richtig heruntergefahren; automatische Wiederherstellung läuft",
        "Datenbanksystem wurde unterbrochen; letzte bekannte Aktion am {rest}",
        "el sistema de bases de datos no fue apagado apropiadamente; se está efectuando la recuperación automática",
        "el sistema de bases de datos fue interrumpido; última vez en funcionamiento en {rest}",
        "il database non è stato arrestato correttamente; ripristino automatico in corso",
        "il database è stato interrotto; l'ultimo segno di vita risale alle {rest}",
        "データベースシステムは正しくシャットダウンされていません; 自動リカバリを実行中",
        "データベースシステムは中断されました: {rest}",
        "система БД была остановлена нештатно; производится автоматическое восстановление",
        "работа системы БД была прервана; последний момент работы: {rest}",
        "데이터베이스 시스템이 정상적으로 종료되지 못했습니다, 자동 복구 작업을 진행합니다",
        "데이터베이스 시스템이 비정상적으로 종료되었음; 마지막 운영시간: {rest}",
        "databassystemet stängdes inte ned korrekt; automatisk återställning pågår",
        "databassystemet avbröts; senast kända upptidpunkt vid {rest}",
        "робота системи бази даних не була завершена належним чином; відбувається автоматичне відновлення",
        "робота системи бази даних була перервана; останній момент роботи {rest}",
        "数据库系统没有正确的关闭; 处于自动恢复状态中",
        "数据库系统中断；上一次的启动时间是在{rest}",
    ]),
    (What::Crashed, &[
        "tous les processus serveur sont arrêtés ; réinitialisation",
        "processus serveur (PID {any}) a été arrêté par le signal {any} : {rest}",
        "alle Serverprozesse beendet; initialisiere neu",
        "Serverprozess (PID {any}) wurde von Signal {any} beendet: {rest}",
        "todos los procesos fueron terminados; reinicializando",
        "proceso de servidor (PID {any}) fue terminado por una señal {any}: {rest}",
        "tutti i processi server sono terminati; re-inizializzazione",
        "processo del server (PID {any}) è stato terminato dal segnale {any}: {rest}",
        "全てのサーバープロセスが終了しました: 再初期化しています",
        "サーバープロセス (PID {any})はシグナル{any}で終了しました: {rest}",
        "все серверные процессы завершены... переинициализация",
        "процесс сервера (PID {any}) был завершён по сигналу {any}: {rest}",
        "모든 서버 프로세스가 중지 되었습니다; 재 초기화 중",
        "서버 프로세스 (PID {any}) 프로세스가 {any}번 시그널을 받아 종료됨: {rest}",
        "alla serverprocesser är avslutade; initierar på nytt",
        "serverprocess (PID {any}) terminerades av signal {any}: {rest}",
        "усі серверні процеси перервано; повторна ініціалізація",
        "процес сервера (PID {any}) був перерваний сигналом {any}: {rest}",
        "所有的服务器进程被中止; 重新初始化",
        "服务器进程 (PID {any}) 被信号 {any} 中断: {rest}",
    ]),
    (What::Parameters, &[
        "paramètres : {rest}",
        "Parameter: {rest}",
        "parámetros: {rest}",
        "parametri: {rest}",
        "パラメータ: {rest}",
        "параметры: {rest}",
        "매개 변수: {rest}",
        "parametrar: {rest}",
        "параметри: {rest}",
        "参数: {rest}",
        "Paramètres : {rest}",
            "Parámetros: {rest}",
            "Parametri: {rest}",
            "Параметры: {rest}",
            "Parametrar: {rest}",
            "Параметри: {rest}",
    ]),
    (What::PortalParameters, &[
        "portail non nommé avec les paramètres : « {rest}",
        "portail « {any} » avec les paramètres : {rest}",
        "unbenanntes Portal mit Parametern: {rest}",
        "Portal »{any}« mit Parametern: {rest}",
        "portal sin nombre con parámetros: {rest}",
        "portal «{any}» con parámetros: {rest}",
        "portale senza nome con parametri: {rest}",
        "portale \"{any}\" con parametri: {rest}",
        "パラメータを持つ無名ポータル: {rest}",
        "パラメータを持つポータル\"{any}\": {rest}",
        "неименованный портал с параметрами: {rest}",
        "портал \"{any}\" с параметрами: {rest}",
        "이름 없는 포탈의 매개 변수: {rest}",
        "\"{any}\" 포탈의 매개 변수: {rest}",
        "ej namngiven portal med parametrar: {rest}",
        "portal \"{any}\" med parametrar: {rest}",
        "портал без імені з параметрами: {rest}",
        "портал \"{any}\" з параметрами: {rest}",
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_words() {
        for (text, said, at) in [
            ("LOG:  x", LOG, 6),
            ("LOG: x", LOG, 5),
            ("LOG:", LOG, 4),
            ("LOG:   x", LOG, 6),
            ("LOCATION:  f, a.c:1", LOCATION, 11),
            ("DETAIL:  x", DETAIL, 9),
            ("DEBUG:  x", DEBUG, 8),
            ("DEBUG5:  x", DEBUG, 9),
            ("STATEMENT:  x", STATEMENT, 12),
            ("BACKTRACE:  x", BACKTRACE, 12),
            ("PANIC:  x", PANIC, 8),
        ] {
            assert_eq!(word(text.as_bytes()), Some((said, at)), "{text}");
        }
        for text in ["", "LOG", "LOG:x", "LOGS:  x", "log:  x", "DEBUG9:  x", "Detail:  x", " LOG:  x", "ERROR :  x"] {
            assert_eq!(word(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn words_of_the_other_languages() {
        for (text, said) in [
            ("СООБЩЕНИЕ:  x", LOG),
            ("LOGG:  x", LOG),
            ("로그:  x", LOG),
            ("日志:  x", LOG),
            ("ASTUCE :  x", HINT),
            ("PILE D'APPEL : x", BACKTRACE),
            ("文:  x", STATEMENT),
            ("文脈:  x", CONTEXT),
            ("명령 구문:  x", STATEMENT),
            ("쿼리:x", QUERY),
            ("ПОЛОЖЕНИЕ: x", LOCATION),
            ("致命错误:  x", FATAL),
        ] {
            let (found, at) = word(text.as_bytes()).unwrap();
            assert_eq!((found, &text.as_bytes()[at..]), (said, &b"x"[..]), "{text}");
        }
        assert_eq!(word("日志x:  ".as_bytes()), None);
    }

    /// What shadows another would never be found.
    #[test]
    fn every_text_is_found_as_what_it_is() {
        let fill = |hole: &str| match hole {
            "ms" | "write" | "sync" | "total" => "12.345",
            "session" => "0:00:01.345",
            "name" | "user" | "database" | "application" | "mode" | "table" | "object" => "S_1",
            "rest" => " SELECT 1",
            _ => "7",
        };
        let mut seen = 0;
        for (what, text) in TEXTS.iter().flat_map(|(what, texts)| texts.iter().map(move |text| (*what, *text))) {
            let mut message = String::new();
            for (i, piece) in text.split('{').enumerate() {
                match piece.split_once('}') {
                    Some((hole, literal)) if i > 0 => message.extend([fill(hole), literal]),
                    _ => message.push_str(piece),
                }
            }
            let (found, values) = translated(message.as_bytes()).unwrap_or_else(|| panic!("{message}"));
            assert_eq!(found, what, "{message}");
            if text.contains("{name}") {
                assert_eq!(values.get(Hole::Name), b"S_1", "{message}");
            }
            if text.contains("{ms}") {
                assert_eq!(values.get(Hole::Ms), b"12.345", "{message}");
            }
            seen += 1;
        }
        assert!(seen > 500, "{seen}");
    }

    #[test]
    fn white_space_differs() {
        let nbsp = "dur\u{e9}e\u{a0}: 1.000 ms, instruction\u{202f}: select";
        assert!(matches!(translated(nbsp.as_bytes()), Some((What::TimedStatement, _))));
        let feed =
            "d\u{e9}connexion : dur\u{e9}e de la session : 0:00:00.087\n\tutilisateur=u base=b h\u{f4}te=[local]";
        let (what, values) = translated(feed.as_bytes()).unwrap();
        assert_eq!(
            (what, values.get(Hole::User), values.get(Hole::Database)),
            (What::Disconnection, &b"u"[..], &b"b"[..])
        );
    }

    #[test]
    fn positions_and_unknown_names() {
        for text in ["x at character 15", "x bei Zeichen 1", "x(3文字目)", "x 4 번째 문자 부근", "x (символ 5)"]
        {
            assert_eq!(without_position(text.as_bytes()), b"x", "{text}");
        }
        assert_eq!(without_position(b"x at character "), b"x at character ");
        assert_eq!((known("[н/д]".as_bytes()), known(b"[x]"), known(b"")), (&b"[unknown]"[..], &b"[x]"[..], &b""[..]));
    }
}
