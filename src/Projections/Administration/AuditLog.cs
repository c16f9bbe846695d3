using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.OpenApi;
using CCGate.Hosting.Storage;
using CCGate.Projections.Export;
using CCGate.Projections.Questions;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Administration;

/// <summary>Something an operator did.</summary>
/// <param name="Position">Its place in the ledger.</param>
/// <param name="At">When.</param>
/// <param name="By">Who.</param>
/// <param name="Type">The event's type.</param>
/// <param name="Subject">What it was done to: a tenant, <c>tenant/key</c>, an upstream, <c>prices</c> or <c>routing</c>.</param>
/// <param name="Change">What was done, in a word.</param>
/// <param name="Reason">Why, in the operator's words.</param>
/// <param name="Data">The event, with the ends of secrets in place of what could be used.</param>
internal sealed record AuditEntry(long Position, DateTimeOffset At, string By, string Type, string Subject, string Change, string? Reason, JsonNode Data);

/// <summary>A piece of the audit log, the newest first.</summary>
internal sealed record AuditPage(IReadOnlyList<AuditEntry> Items, string? Next);

/// <summary>Which entries are asked for; null for any.</summary>
/// <param name="Subject">A tenant with its keys, <c>tenant/key</c>, an upstream, <c>prices</c>, <c>routing</c> or <c>operators</c>.</param>
internal sealed record AuditQuestion(string? Type, string? By, string? Subject, DateTimeOffset? From, DateTimeOffset? To)
{
    /// <summary>The end of the name of the stream it is in.</summary>
    public string? Stream => Subject?.Split('/', 2)[0];

    public string? Key => Subject?.Split('/', 2) is [_, var key] ? key : null;
}

/// <summary>Who changed what, when and why, from the read model <c>administration</c>.</summary>
internal sealed class AuditLog(Database database)
{
    public const string Order = "position";

    private const int RowsPerRead = 500;

    /// <summary>Rows that one question goes through; then it answers with what it has, and where to go on.</summary>
    private const int MaxRows = 20_000;

    public async Task<AuditPage> ReadAsync(AuditQuestion question, int limit, PageCursor? after, CancellationToken cancellationToken)
    {
        var parameters = new
        {
            type = question.Type,
            from = question.From is { } from ? Instant.ToMicroseconds(from) : (long?)null,
            to = question.To is { } to ? Instant.ToMicroseconds(to) : (long?)null,
            stream = question.Stream,
            tenant = question.Stream is { } id ? EventRecord.TenantStream(id) : null,
            upstream = question.Stream is { } same ? EventRecord.UpstreamStream(same) : null,
            rows = RowsPerRead,
        };
        var before = after?.Value ?? long.MaxValue;
        var found = new List<AuditEntry>();
        await using var connection = await database.OpenAsync(cancellationToken);
        for (var read = 0; read < MaxRows; read += RowsPerRead)
        {
            var sql = new DynamicParameters(parameters);
            sql.Add("before", before);
            var rows = (await connection.QueryAsync<(long Position, string Id, string Stream, string Type, long At, string Data)>(new CommandDefinition(
                Sql(question), sql, cancellationToken: cancellationToken))).AsList();
            foreach (var row in rows)
            {
                var entry = Entry(row.Position, row.Stream, row.Type, row.At, row.Data);
                before = row.Position;

                // The event says both in its JSON, which the two databases write differently.
                if ((question.By is null || question.By == entry.By) && (question.Key is null || question.Subject == entry.Subject))
                {
                    found.Add(entry);
                    if (found.Count == limit)
                    {
                        return new AuditPage(found, Next(row.Position, row.Id));
                    }
                }
            }

            if (rows.Count < RowsPerRead)
            {
                return new AuditPage(found, null);
            }
        }

        return new AuditPage(found, Next(before, Guid.Empty.ToString()));
    }

    private static string Sql(AuditQuestion question) => $"""
        select position, id, stream, type, at, data from administration where position < @before
        {(question.Type is null ? "" : "and type = @type")} {(question.From is null ? "" : "and at >= @from")} {(question.To is null ? "" : "and at < @to")}
        {(question.Stream is null ? "" : "and stream in (@stream, @tenant, @upstream)")}
        order by position desc limit @rows
        """;

    private static string Next(long position, string id) => new PageCursor(position, id).Write(Order);

    private static AuditEntry Entry(long position, string stream, string type, long at, string data)
    {
        var node = JsonNode.Parse(data)!.AsObject();
        var subject = stream.Contains('/', StringComparison.Ordinal) ? stream[(stream.IndexOf('/', StringComparison.Ordinal) + 1)..] : stream;
        var change = Text(node, "Change") ?? Text(node, "Order") ?? type switch
        {
            EventTypes.KeyIssued => "Issued",
            EventTypes.KeyRevoked => "Revoked",
            EventTypes.BudgetExtended => "Extended",
            _ => "Changed",
        };
        return new AuditEntry(
            position, Instant.FromMicroseconds(at), Text(node, "By") ?? "", type, Text(node, "KeyId") is { } key ? $"{subject}/{key}" : subject,
            change.ToLowerInvariant(), Text(node, "Reason"), WithoutSecrets(node)!);
    }

    private static string? Text(JsonObject node, string name) => node[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    /// <summary>Hashes and sealed secrets say nothing to a reader, and something to a thief.</summary>
    private static JsonNode? WithoutSecrets(JsonNode? node) => node switch
    {
        JsonObject members => new JsonObject(members.Select(member => KeyValuePair.Create(member.Key, WithoutSecrets(member.Value)))),
        JsonArray items => new JsonArray([.. items.Select(WithoutSecrets)]),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => Hinted(value.GetValue<string>()),
        _ => node?.DeepClone(),
    };

    private static string Hinted(string text) =>
        text.StartsWith("sha256:", StringComparison.OrdinalIgnoreCase) ? "sha256:…"
        : text.StartsWith("sealed:", StringComparison.Ordinal) ? $"…{text.Split(':')[1]}"
        : text;
}

/// <summary><c>GET /api/audit</c>.</summary>
internal static class AuditEndpoints
{
    private static readonly ExportColumn<AuditEntry>[] Columns =
    [
        new("position", row => row.Position),
        new("at", row => row.At),
        new("by", row => row.By),
        new("type", row => row.Type),
        new("subject", row => row.Subject),
        new("change", row => row.Change),
        new("reason", row => row.Reason),
        new("data", row => row.Data.ToJsonString()),
    ];

    public static void MapAudit(this IEndpointRouteBuilder api) => api.MapGet("/audit", ListAsync)
        .WithSummary("Lists what operators did")
        .WithDescription("The newest first. Searching looks only so far at a time: a page may be short and still have a next one.")
        .WithQuery("type", "Only events of this type, such as key_revoked.")
        .WithQuery("by", "Only what this operator did, or token:NAME.")
        .WithQuery("subject", "Only what was done to it: a tenant with its keys, tenant/key, an upstream, prices, routing or operators.")
        .WithPeriod()
        .WithPages()
        .Produces<AuditPage>()
        .ProducesValidationProblem();

    private static async Task<IResult> ListAsync(HttpContext http, OperatorChanges changes, AuditLog log, CancellationToken cancellationToken)
    {
        var parameters = new QuestionParameters(http.Request, "type", "by", "subject", "from", "to", "limit", "cursor", "format");
        var (from, to) = parameters.Period();
        var question = new AuditQuestion(parameters.Text("type"), parameters.Text("by"), parameters.Text("subject"), from, to);
        var (limit, after, asCsv) = (parameters.Limit, PageCursor.Read(parameters, AuditLog.Order), parameters.AsCsv);
        if (parameters.Errors.Count > 0)
        {
            return parameters.Problem();
        }

        await changes.ReadAsync(cancellationToken);
        var page = await log.ReadAsync(question, limit, after, cancellationToken);
        return asCsv ? CsvAnswer.Of(http, "audit", page.Items, Columns, page.Next) : TypedResults.Json(page, ProjectionsJson.Default.AuditPage);
    }
}
