using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
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

/// <summary>Who changed what, when and why, from the read model <c>administration</c>.</summary>
internal sealed class AuditLog(Database database)
{
    private const int RowsPerRead = 500;

    /// <summary>Rows that one question goes through; then it answers with what it has, and where to go on.</summary>
    private const int MaxRows = 20_000;

    /// <exception cref="ChangeRefusedException">A parameter cannot be read.</exception>
    public async Task<AuditPage> ReadAsync(ListQuestion question, CancellationToken cancellationToken)
    {
        var (from, to) = (Instant(question, "from", DateTimeOffset.UnixEpoch), Instant(question, "to", DateTimeOffset.MaxValue));
        var before = question.After is null ? long.MaxValue : long.TryParse(question.After, CultureInfo.InvariantCulture, out var position) ? position : 0;
        var found = new List<AuditEntry>();
        await using var connection = await database.OpenAsync(cancellationToken);
        for (var read = 0; read < MaxRows; read += RowsPerRead)
        {
            var rows = (await connection.QueryAsync<(long Position, string Stream, string Type, long At, string Data)>(new CommandDefinition(
                "select position, stream, type, at, data from administration where position < @before and at >= @from and at < @to order by position desc limit @limit",
                new { before, from, to, limit = RowsPerRead },
                cancellationToken: cancellationToken))).AsList();
            foreach (var row in rows)
            {
                var entry = Entry(row.Position, row.Stream, row.Type, row.At, row.Data);
                before = row.Position;
                if (Is(question["type"], entry.Type) && Is(question["by"], entry.By) && IsAbout(question["subject"], entry.Subject))
                {
                    found.Add(entry);
                    if (found.Count == question.Limit)
                    {
                        return new AuditPage(found, Next(before));
                    }
                }
            }

            if (rows.Count < RowsPerRead)
            {
                return new AuditPage(found, null);
            }
        }

        return new AuditPage(found, Next(before));
    }

    private static string Next(long before) => ListQuestion.Cursor(before.ToString(CultureInfo.InvariantCulture));

    private static bool Is(string? wanted, string actual) => wanted is null || wanted == actual;

    /// <summary>A tenant's keys are asked for with the tenant.</summary>
    private static bool IsAbout(string? wanted, string subject) => Is(wanted, subject) || subject.StartsWith(wanted + "/", StringComparison.Ordinal);

    private static long Instant(ListQuestion question, string name, DateTimeOffset otherwise)
    {
        if (question[name] is { } written)
        {
            if (!DateTimeOffset.TryParse(written, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out otherwise))
            {
                throw new ChangeRefusedException(StatusCodes.Status400BadRequest, "", new Dictionary<string, string[]> { [name] = ["It is not an instant such as 2026-11-21T12:00:00Z."] });
            }
        }

        return Hosting.Storage.Instant.ToMicroseconds(otherwise);
    }

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
            position, Hosting.Storage.Instant.FromMicroseconds(at), Text(node, "By") ?? "", type, Text(node, "KeyId") is { } key ? $"{subject}/{key}" : subject,
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
    public static void MapAudit(this IEndpointRouteBuilder api) => api.MapGet("/audit", ListAsync).AddEndpointFilter(ChangeRefusedException.AnswerAsync)
        .WithSummary("What operators did").WithDescription("The newest first, by type, by whom, subject and time.").Produces<AuditPage>().ProducesValidationProblem();

    private static async Task<JsonHttpResult<AuditPage>> ListAsync(HttpRequest request, OperatorChanges changes, AuditLog log, CancellationToken cancellationToken)
    {
        var question = ListQuestion.Read(request, "type", "by", "subject", "from", "to");
        await changes.ReadAsync(cancellationToken);
        return TypedResults.Json(await log.ReadAsync(question, cancellationToken), ProjectionsJson.Default.AuditPage);
    }
}
