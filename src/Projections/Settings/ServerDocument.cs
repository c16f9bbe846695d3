using System.Data.Common;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Hosting.Configuration;
using CCGate.Projections.Upstreams;

namespace CCGate.Projections.Settings;

/// <summary>Writes server.json with every setting there is, null for one that is not set and has no default.</summary>
internal static class ServerDocument
{
    private static readonly string[] PasswordNames = ["password", "pwd", "psw", "ssl password", "sslpassword"];

    public static JsonObject Of(GatewayConfig config, SecretPlaceholders secrets) => new()
    {
        ["server"] = new JsonObject { ["host"] = config.Server.Host, ["port"] = config.Server.Port },
        ["admin"] = config.Admin is { } admin ? new JsonObject { ["username"] = admin.Username, ["passwordHash"] = admin.Password.Written } : null,
        ["openai"] = JsonNode.Parse(RoutingDocument.Of(config.OpenAi).GetRawText()),
        ["secretsKey"] = config.SecretsKey is null ? null : secrets.Add("SECRETS_KEY"),
        ["eventStore"] = config.EventStore is { } connection ? WithoutPassword(connection.Reveal(), secrets) : null,
        ["broker"] = config.Broker is { } broker ? secrets.WithoutLogin(new Uri(broker.Reveal()), "BROKER_PASSWORD") : null,
        ["projections"] = config.Projections is { } projections ? secrets.WithoutLogin(projections, "PROJECTIONS_PASSWORD") : null,
        ["limits"] = new JsonObject
        {
            ["maxBodyBytes"] = config.Server.MaxBodyBytes,
            ["budgetStatus"] = config.Server.BudgetStatus,
            ["shutdownSeconds"] = (decimal)config.Server.ShutdownTimeout.TotalSeconds,
            ["maxJournalEvents"] = config.Server.MaxJournalEvents,
        },
        ["abort"] = config.Server.Abort.ToString().ToLowerInvariant(),
        ["api"] = new JsonObject { ["requestsPerSecond"] = config.Api.RequestsPerSecond, ["burst"] = config.Api.Burst },
        ["cors"] = new JsonObject { ["origins"] = TenantDocument.Strings(config.Cors.Origins) },
        ["alerts"] = config.Alerts is { } alerts ? Of(alerts, secrets) : null,
        ["telemetry"] = Of(config.Telemetry, secrets),
    };

    /// <summary>The document without what would be the same if it were not written.</summary>
    public static JsonObject Changed(JsonObject document, JsonObject defaults)
    {
        var changed = new JsonObject();
        foreach (var (name, value) in document)
        {
            if (value is JsonObject section && defaults[name] is JsonObject usual)
            {
                if (Changed(section, usual) is { Count: > 0 } rest)
                {
                    changed[name] = rest;
                }
            }
            else if (value is not null && !JsonNode.DeepEquals(value, defaults[name]))
            {
                changed[name] = value.DeepClone();
            }
        }

        return changed;
    }

    private static JsonObject Of(AlertsConfig alerts, SecretPlaceholders secrets)
    {
        // An address of a chat service is all one needs to write there.
        var document = new JsonObject
        {
            ["webhook"] = alerts.Webhook is null ? null : secrets.Add("ALERTS_WEBHOOK"),
            ["secret"] = alerts.Secret is null ? null : secrets.Add("ALERTS_SECRET"),
            ["kinds"] = TenantDocument.Strings(alerts.Kinds),
        };
        if (alerts.Email is { } email)
        {
            document["email"] = new JsonObject
            {
                ["host"] = email.Host,
                ["port"] = email.Port,
                ["tls"] = email.Security.ToString().ToLowerInvariant(),
                ["username"] = email.Username,
                ["password"] = email.Password is null ? null : secrets.Add("ALERTS_EMAIL_PASSWORD"),
                ["from"] = email.From,
                ["to"] = TenantDocument.Strings(email.To),
            };
        }

        return document;
    }

    private static JsonObject Of(TelemetryConfig telemetry, SecretPlaceholders secrets) => new()
    {
        ["otlpEndpoint"] = telemetry.OtlpEndpoint is { } endpoint ? secrets.WithoutLogin(endpoint, "OTLP_PASSWORD") : null,
        ["otlpProtocol"] = telemetry.OtlpProtocol switch { OtlpProtocol.Grpc => "grpc", OtlpProtocol.HttpProtobuf => "http/protobuf", _ => null },
        ["otlpHeaders"] = new JsonObject(telemetry.OtlpHeaders.OrderBy(header => header.Key, StringComparer.Ordinal)
            .Select(header => KeyValuePair.Create(header.Key, (JsonNode?)secrets.Add("OTLP_HEADER_" + header.Key)))),
        ["metrics"] = new JsonObject
        {
            ["enabled"] = telemetry.Metrics.Enabled,
            ["scrape"] = telemetry.Metrics.Scrape.ToString().ToLowerInvariant(),
            ["tenants"] = telemetry.Metrics.Tenants,
            ["models"] = telemetry.Metrics.Models,
        },
        ["traces"] = new JsonObject
        {
            ["sampleRatio"] = (decimal?)telemetry.Traces.SampleRatio,
            ["propagateToUpstreams"] = telemetry.Traces.PropagateToUpstreams,
            ["content"] = telemetry.Traces.Content,
        },
        ["logs"] = new JsonObject
        {
            ["console"] = telemetry.Logs.Console.ToString().ToLowerInvariant(),
            ["directory"] = telemetry.Logs.Directory,
            ["maxFileBytes"] = telemetry.Logs.MaxFileBytes,
            ["maxFiles"] = telemetry.Logs.MaxFiles,
            ["access"] = telemetry.Logs.Access,
            ["level"] = telemetry.Logs.Level?.ToString().ToLowerInvariant(),
            ["levels"] = new JsonObject(telemetry.Logs.Levels.OrderBy(level => level.Key, StringComparer.Ordinal)
                .Select(level => KeyValuePair.Create(level.Key, (JsonNode?)level.Value.ToString().ToLowerInvariant()))),
        },
    };

    private static string WithoutPassword(string connection, SecretPlaceholders secrets)
    {
        try
        {
            var parts = new DbConnectionStringBuilder { ConnectionString = connection };
            foreach (var name in PasswordNames.Where(parts.ContainsKey))
            {
                parts[name] = secrets.Add("EVENT_STORE_PASSWORD");
            }

            return parts.ConnectionString;
        }
        catch (ArgumentException)
        {
            // Nobody can tell where its password is.
            return secrets.Add("EVENT_STORE");
        }
    }
}
