using System.Globalization;
using System.Text.Json;
using CCGate.Hosting.OpenApi;
using CCGate.Metering.EventStore;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace CCGate.Projections.Ledger;

/// <summary><c>GET /api/events</c>: the ledger itself, in order, for whoever wants to check the bill.</summary>
internal static class LedgerEndpoints
{
    public const int DefaultLimit = 100;
    public const int MaxLimit = 1000;

    public static void MapLedger(this IEndpointRouteBuilder api) => api.MapGet("/events", AnswerAsync)
        .WithSummary("The ledger, in order")
        .WithDescription("The events themselves, for whoever wants to check the bill. Ask on with 'after' set to the last position received.")
        .WithNumber("after", "Only events behind this position; 0 when not given.")
        .WithNumber("limit", $"How many at most, 1 to {MaxLimit}; {DefaultLimit} when not given.")
        .Produces<LedgerPage>()
        .ProducesValidationProblem();

    private static async Task<IResult> AnswerAsync(HttpRequest request, IEventStore store, CancellationToken cancellationToken)
    {
        var errors = new Dictionary<string, string[]>();
        var after = ReadNumber(request, "after", 0, long.MaxValue, 0, errors);
        var limit = ReadNumber(request, "limit", 1, MaxLimit, DefaultLimit, errors);
        if (errors.Count > 0)
        {
            return TypedResults.ValidationProblem(errors);
        }

        var highWaterMark = await store.HighWaterMarkAsync(cancellationToken);
        var events = await store.ReadAsync(after, highWaterMark, (int)limit, cancellationToken);
        return TypedResults.Json(new LedgerPage([.. events.Select(LedgerEvent.From)], highWaterMark), ProjectionsJson.Default.LedgerPage);
    }

    private static long ReadNumber(HttpRequest request, string name, long min, long max, long fallback, Dictionary<string, string[]> errors)
    {
        if (request.Query[name] is not { Count: > 0 } written)
        {
            return fallback;
        }

        if (long.TryParse(written, CultureInfo.InvariantCulture, out var number) && number >= min && number <= max)
        {
            return number;
        }

        errors[name] = [$"'{written}' is not a whole number from {min} to {max}."];
        return fallback;
    }
}

/// <summary>A piece of the ledger.</summary>
internal sealed record LedgerPage(IReadOnlyList<LedgerEvent> Events, long HighWaterMark);

/// <summary>One event of the ledger.</summary>
internal sealed record LedgerEvent(long Position, string Stream, long Version, string Type, Guid Id, DateTimeOffset Timestamp, JsonElement Data)
{
    public static LedgerEvent From(StoredEvent stored) =>
        new(stored.Position, stored.Stream, stored.Version, stored.Type, stored.Id, stored.Timestamp, Parse(stored.Data));

    /// <summary>What is not JSON is shown as the text it is, so that a damaged event does not hide the others.</summary>
    private static JsonElement Parse(string data)
    {
        try
        {
            using var document = JsonDocument.Parse(data);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return JsonSerializer.SerializeToElement(data, ProjectionsJson.Default.String);
        }
    }
}
