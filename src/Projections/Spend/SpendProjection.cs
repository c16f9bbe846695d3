using System.Runtime.InteropServices;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Spend;

/// <summary>Who spent how much on what, by the quarter hour of admission.</summary>
internal sealed class SpendProjection : IProjection
{
    private static readonly string Ddl = SqlFile.Read("Spend.SpendTable.sql");

    public string Name => "spend";

    public IReadOnlyList<string> AddedColumns { get; } = ["unsettled_pico bigint not null default 0", "unsettled_tokens bigint not null default 0"];

    public string CreateTable(string table) => Ddl.Replace("$table", table, StringComparison.Ordinal);

    public WriteRows Fold(IReadOnlyList<StoredEvent> events)
    {
        var rows = new Dictionary<SpendKey, SpendAmounts>();
        foreach (var stored in events)
        {
            if (stored.Type is EventTypes.RequestCompleted or EventTypes.SpendAdjusted)
            {
                Fold(stored, rows);
            }
        }

        return async (table, transaction, cancellationToken) =>
        {
            await Checkpoints.ExecuteAsync(transaction, UpsertSql(table), rows.Values, cancellationToken);
            var settled = Instant.ToMicroseconds(TimeProvider.System.GetUtcNow() - Instant.SettledAfter);
            if (table == Name && rows.Keys.Any(key => key.BucketStart < settled))
            {
                await Checkpoints.RewriteHistoryAsync(transaction, Name, cancellationToken);
            }
        };
    }

    private static void Fold(StoredEvent stored, Dictionary<SpendKey, SpendAmounts> rows)
    {
        try
        {
            if (stored.Type == EventTypes.RequestCompleted)
            {
                Fold(JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.RequestCompleted) ?? throw new JsonException("it is null."), rows);
            }
            else
            {
                Fold(JsonSerializer.Deserialize(stored.Data, ContractsJson.Default.SpendAdjusted) ?? throw new JsonException("it is null."), rows);
            }
        }
        catch (Exception malformed) when (malformed is JsonException or ArgumentException or OverflowException)
        {
            throw new UnreadableEventException(stored, malformed.Message, malformed);
        }
    }

    private static void Fold(RequestCompleted completed, Dictionary<SpendKey, SpendAmounts> rows)
    {
        // What an old event lacks is null here, whatever the property's initial value: the generated reader sets every property.
        var attempts = completed.Attempts ?? [];
        var last = attempts.Count == 0 ? Row(completed.AdmittedAt, completed.TenantId, completed.KeyId, completed.RequestedModel, upstream: "", rows) : null;
        foreach (var attempt in attempts)
        {
            ArgumentNullException.ThrowIfNull(attempt);
            last = Row(completed.AdmittedAt, completed.TenantId, completed.KeyId, attempt.ProviderModel, attempt.UpstreamId, rows);
            last.Add(attempt);
        }

        // An attempt that a failover replaced consumed tokens all the same, but the client made one request: it counts where it ended.
        last!.Add(completed);
    }

    /// <summary>An adjustment belongs where the request is: the same quarter hour, tenant and key, and the models and upstreams of its attempts, of which the last one holds.</summary>
    private static void Fold(SpendAdjusted adjusted, Dictionary<SpendKey, SpendAmounts> rows)
    {
        SpendAmounts? last = null;
        foreach (var line in adjusted.Lines ?? [])
        {
            ArgumentNullException.ThrowIfNull(line);
            last = Row(adjusted.AdmittedAt, adjusted.TenantId, adjusted.KeyId, line.ProviderModel, line.UpstreamId, rows);
            last.Add(line);
        }

        last?.Release(adjusted);
    }

    private static SpendAmounts Row(DateTimeOffset admittedAt, string? tenant, string? key, string? model, string? upstream, Dictionary<SpendKey, SpendAmounts> rows)
    {
        var name = new SpendKey(QuarterHour.Of(admittedAt), tenant ?? "", key ?? "", model ?? "", upstream ?? "");
        ref var row = ref CollectionsMarshal.GetValueRefOrAddDefault(rows, name, out _);
        return row ??= new SpendAmounts(name);
    }

    private static string UpsertSql(string table) => $"""
        insert into {table} (
          bucket_start, tenant_id, key_id, model, upstream_id, requests, errors, input_tokens, cache_read_tokens, cache_write_5m_tokens,
          cache_write_1h_tokens, output_tokens, reasoning_tokens, web_searches, spend_pico, duration_ms,
          unsettled_pico, unsettled_tokens)
        values (
          @BucketStart, @TenantId, @KeyId, @Model, @UpstreamId, @Requests, @Errors, @InputTokens, @CacheReadTokens, @CacheWrite5mTokens,
          @CacheWrite1hTokens, @OutputTokens, @ReasoningTokens, @WebSearches, @SpendPico, @DurationMs,
          @UnsettledPico, @UnsettledTokens)
        on conflict (bucket_start, tenant_id, key_id, model, upstream_id) do update set
          requests = {table}.requests + excluded.requests,
          errors = {table}.errors + excluded.errors,
          input_tokens = {table}.input_tokens + excluded.input_tokens,
          cache_read_tokens = {table}.cache_read_tokens + excluded.cache_read_tokens,
          cache_write_5m_tokens = {table}.cache_write_5m_tokens + excluded.cache_write_5m_tokens,
          cache_write_1h_tokens = {table}.cache_write_1h_tokens + excluded.cache_write_1h_tokens,
          output_tokens = {table}.output_tokens + excluded.output_tokens,
          reasoning_tokens = {table}.reasoning_tokens + excluded.reasoning_tokens,
          web_searches = {table}.web_searches + excluded.web_searches,
          spend_pico = {table}.spend_pico + excluded.spend_pico,
          duration_ms = {table}.duration_ms + excluded.duration_ms,
          unsettled_pico = {table}.unsettled_pico + excluded.unsettled_pico,
          unsettled_tokens = {table}.unsettled_tokens + excluded.unsettled_tokens
        """;
}
