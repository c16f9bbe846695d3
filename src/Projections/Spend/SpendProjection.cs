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
        var rows = new SpendRows();
        foreach (var stored in events)
        {
            rows.Add(stored);
        }

        return Write(rows);
    }

    /// <summary>A rebuild reads ranges, not batches: on PostgreSQL the database adds up by itself, on SQLite the bytes are read as they lie.</summary>
    public async Task<WriteRows?> FoldRangeAsync(Database database, IEventStore store, long after, long upTo, CancellationToken cancellationToken) =>
        Write(await ReadRangeAsync(database, store, after, upTo, cancellationToken));

    public static Task<SpendRows> ReadRangeAsync(Database database, IEventStore store, long after, long upTo, CancellationToken cancellationToken) => database switch
    {
        PostgresDatabase postgres => new PostgresSpendRange(postgres, store).ReadAsync(after, upTo, cancellationToken),
        SqliteDatabase sqlite => SqliteSpendRange.ReadAsync(sqlite, after, upTo, cancellationToken),
        _ => throw new NotSupportedException($"Reading ranges of {database.GetType()}"),
    };

    private WriteRows Write(SpendRows rows) => async (table, transaction, cancellationToken) =>
    {
        await Checkpoints.ExecuteAsync(transaction, UpsertSql(table), rows.Rows, cancellationToken);
        var settled = Instant.ToMicroseconds(TimeProvider.System.GetUtcNow() - Instant.SettledAfter);
        if (table == Name && rows.Rows.Any(row => row.BucketStart < settled))
        {
            await Checkpoints.RewriteHistoryAsync(transaction, Name, cancellationToken);
        }
    };

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
