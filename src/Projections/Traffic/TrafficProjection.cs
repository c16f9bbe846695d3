using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Requests;

namespace CCGate.Projections.Traffic;

/// <summary>What was admitted in each minute: a row each, so that the page everybody looks at costs the same at any load.</summary>
internal sealed class TrafficProjection : IProjection
{
    private const long Minute = 60_000_000;

    private static readonly string Ddl = SqlFile.Read("Traffic.TrafficTable.sql");

    public string Name => "traffic";

    public IReadOnlyList<string> AddedColumns => [];

    public bool GivesWay => true;

    public string CreateTable(string table) => Ddl.Replace("$table", table, StringComparison.Ordinal);

    public WriteRows Fold(IReadOnlyList<StoredEvent> events)
    {
        var minutes = new SortedDictionary<long, Sums>();
        foreach (var change in events.Select(RequestsProjection.Change))
        {
            switch (change)
            {
                case RequestRecord request:
                    Add(minutes, request.Numbers[0]!.Value, Sums.Of(RequestRow.Of(request)));
                    break;
                case RequestAdjustment adjusted:
                    Add(minutes, adjusted.AdmittedAt, new Sums(0, 0, adjusted.Pico, adjusted.Input + adjusted.CacheWrite, adjusted.CacheRead, adjusted.Output));
                    break;
            }
        }

        return async (table, transaction, cancellationToken) =>
        {
            foreach (var (minute, sums) in minutes)
            {
                await Checkpoints.ExecuteAsync(
                    transaction,
                    AddSql(table),
                    new { minute, sums.Requests, sums.Errors, sums.Pico, sums.Input, sums.Cache, sums.Output },
                    cancellationToken);
            }
        };
    }

    private static void Add(SortedDictionary<long, Sums> minutes, long at, Sums sums)
    {
        var minute = at - (((at % Minute) + Minute) % Minute);
        minutes[minute] = minutes.GetValueOrDefault(minute) + sums;
    }

    private static string AddSql(string table) => $"""
        insert into {table} (minute, requests, errors, spend_pico, input_tokens, cache_tokens, output_tokens)
        values (@minute, @Requests, @Errors, @Pico, @Input, @Cache, @Output)
        on conflict (minute) do update set requests = {table}.requests + excluded.requests, errors = {table}.errors + excluded.errors,
          spend_pico = {table}.spend_pico + excluded.spend_pico, input_tokens = {table}.input_tokens + excluded.input_tokens,
          cache_tokens = {table}.cache_tokens + excluded.cache_tokens, output_tokens = {table}.output_tokens + excluded.output_tokens
        """;

    /// <param name="Input">What the model read and no cache had.</param>
    private readonly record struct Sums(long Requests, long Errors, long Pico, long Input, long Cache, long Output)
    {
        public static Sums Of(RequestRow row) => new(
            1,
            row.Outcome == nameof(RequestOutcome.Succeeded) ? 0 : 1,
            Picodollars.FromUsd(row.SpendUsd),
            row.InputTokens + row.CacheWriteTokens,
            row.CacheReadTokens,
            row.OutputTokens);

        public static Sums operator +(Sums left, Sums right) => checked(new(
            left.Requests + right.Requests, left.Errors + right.Errors, left.Pico + right.Pico, left.Input + right.Input, left.Cache + right.Cache, left.Output + right.Output));
    }
}
