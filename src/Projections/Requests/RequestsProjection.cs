using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Requests;

/// <summary>Every request, to be listed, searched and sorted.</summary>
internal sealed class RequestsProjection : IProjection
{
    private static readonly string Ddl = SqlFile.Read("Requests.RequestTable.sql");

    public string Name => "requests";

    public IReadOnlyList<string> AddedColumns => [];

    public bool GivesWay => true;

    public string CreateTable(string table) => Ddl.Replace("$table", table, StringComparison.Ordinal);

    public WriteRows Fold(IReadOnlyList<StoredEvent> events)
    {
        var changes = events.Select(Change).OfType<object>().ToList();
        var (added, adjusted) = (changes.OfType<RequestRecord>().ToList(), changes.OfType<RequestAdjustment>().ToList());
        return async (table, transaction, cancellationToken) =>
        {
            // An adjustment is of a request before it, so it does not matter that all requests come first.
            await RequestWriter.WriteAsync(table, added, transaction, cancellationToken);
            foreach (var adjustment in adjusted)
            {
                await Checkpoints.ExecuteAsync(transaction, AdjustSql(table), adjustment, cancellationToken);
            }
        };
    }

    /// <summary>A <see cref="RequestRecord"/>, a <see cref="RequestAdjustment"/>, or null for other events.</summary>
    /// <exception cref="UnreadableEventException">It cannot be applied; nothing of it was.</exception>
    public static object? Change(StoredEvent stored)
    {
        try
        {
            return stored.Type switch
            {
                EventTypes.RequestCompleted => RequestRecord.Of(
                    JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.RequestCompleted) ?? throw new JsonException("it is null.")),
                EventTypes.SpendAdjusted => RequestAdjustment.Of(
                    JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.SpendAdjusted) ?? throw new JsonException("it is null.")),
                _ => null,
            };
        }
        catch (Exception malformed) when (malformed is JsonException or ArgumentException or OverflowException)
        {
            throw new UnreadableEventException(stored, malformed.Message, malformed);
        }
    }

    private static string AdjustSql(string table) => $"""
        update {table} set spend_pico = spend_pico + @Pico, input_tokens = input_tokens + @Input, cache_read_tokens = cache_read_tokens + @CacheRead,
          cache_write_tokens = cache_write_tokens + @CacheWrite, output_tokens = output_tokens + @Output, reasoning_tokens = reasoning_tokens + @Reasoning,
          web_searches = web_searches + @WebSearches, usage_state = case when @Settles = 1 then 'Settled' else usage_state end
        where admitted_at = @AdmittedAt and id = @Id
        """;
}

/// <summary>What an adjustment adds to the row of its request.</summary>
internal sealed record RequestAdjustment(
    string Id, long AdmittedAt, long Pico, long Input, long CacheRead, long CacheWrite, long Output, long Reasoning, long WebSearches, int Settles)
{
    public static RequestAdjustment Of(SpendAdjusted adjusted)
    {
        var lines = adjusted.Lines ?? [];
        foreach (var line in lines)
        {
            ArgumentNullException.ThrowIfNull(line);
        }

        var usage = lines.Aggregate(new TokenUsage(), (sum, line) => line.Usage is null ? sum : sum + line.Usage);
        return new RequestAdjustment(
            adjusted.RequestId.ToString(),
            Instant.ToMicroseconds(adjusted.AdmittedAt),
            lines.Aggregate(0L, (sum, line) => checked(sum + Picodollars.FromUsd(line.SpendUsd))),
            usage.InputTokens,
            usage.CacheReadTokens,
            usage.CacheWrite5mTokens + usage.CacheWrite1hTokens,
            usage.OutputTokens,
            usage.ReasoningTokens,
            usage.WebSearches,
            adjusted.Kind == AdjustmentKind.Settlement ? 1 : 0);
    }
}
