//! HikariCP. Its own defaults of exactly 30 and 10 minutes fail a threshold that asks for less.

use super::{Answer, Answers, Format, Pool, Template};

pub(super) static POOL: Pool = Pool {
    id: "hikari",
    title: "HikariCP 5 and 6, Spring Boot 3",
    answers: Answers {
        acquire: Answer::Key("connectionTimeout"),
        lifetime: Answer::Key("maxLifetime"),
        idle: Answer::Key("idleTimeout"),
        leaks: Answer::Key("leakDetectionThreshold"),
    },
    files: &[
        Template {
            path: "hikari.properties",
            format: Format::Properties,
            text: "\
# milliseconds
maximumPoolSize=@size@
# below maximumPoolSize, or idleTimeout has no effect
minimumIdle=@minimum@
connectionTimeout=10000
maxLifetime=1500000
idleTimeout=300000
keepaliveTime=120000
# logs the stack of whoever holds a connection for longer
leakDetectionThreshold=30000
# active, idle and waiting over JMX; with Micrometer: setMetricRegistry
registerMbeans=true
",
        },
        Template {
            path: "application.yml",
            format: Format::Yaml,
            text: "\
spring:
  datasource:
    hikari:
      # milliseconds
      maximum-pool-size: @size@
      # below maximum-pool-size, or idle-timeout has no effect
      minimum-idle: @minimum@
      connection-timeout: 10000
      max-lifetime: 1500000
      idle-timeout: 300000
      keepalive-time: 120000
      leak-detection-threshold: 30000
# hikaricp_connections_active, _idle and _pending
management:
  endpoints:
    web:
      exposure:
        include: \"health,prometheus\"
",
        },
    ],
};
