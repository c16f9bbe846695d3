using System.Data.Common;
using CCGate.Hosting.Storage;
using CCGate.Projections.Engine;
using Dapper;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Projections.Spend;

/// <summary>Adds up the days that are over, so that a question about months does not read every quarter hour of them.</summary>
/// <remarks>
/// The quarter hours stay the truth. A day is sealed while its sums are those of its quarter hours, and whoever writes to one of these breaks the seal in the same transaction; a question
/// takes sealed days from here and the rest from there, in one snapshot. So nothing waits for this, and it is never behind: without it answers only take longer.
/// </remarks>
internal sealed partial class SpendRollUp(Database database, TimeProvider time, ILogger<SpendRollUp> logger) : BackgroundService
{
    /// <summary>By UTC day, tenant, key, model and upstream.</summary>
    public const string ByDay = "spend_day";

    /// <summary>By quarter hour, model and upstream, of all tenants together; so it answers days of any zone.</summary>
    public const string OfAll = "spend_all";

    public const long Day = 86_400_000_000;

    private static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    /// <summary>Most requests of a day have ended by then, or each of them would break the seal.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    /// <summary>Its tables, which are those of the spend with fewer rows.</summary>
    public static string CreateTables(string ddl) => string.Concat(
        ";", ddl.Replace("$table", ByDay, StringComparison.Ordinal), ";", ddl.Replace("$table", OfAll, StringComparison.Ordinal), SqlFile.Read("Spend.SpendSeals.sql"));

    /// <summary>Says that these quarter hours were written to, in the transaction that does.</summary>
    public static async Task BreakSealsAsync(DbTransaction transaction, IEnumerable<long> quarterHours, CancellationToken cancellationToken)
    {
        foreach (var day in quarterHours.Select(DayOf).Distinct())
        {
            await Checkpoints.ExecuteAsync(transaction, "delete from spend_seal where day = @day", new { day }, cancellationToken);
        }
    }

    /// <summary>Says that any quarter hour may be another one now.</summary>
    public static Task BreakAllSealsAsync(DbTransaction transaction, CancellationToken cancellationToken) =>
        Checkpoints.ExecuteAsync(transaction, "delete from spend_seal", null, cancellationToken);

    /// <summary>Adds up every day that is over and not sealed.</summary>
    public async Task RollUpAsync(CancellationToken cancellationToken)
    {
        var end = Instant.ToMicroseconds(time.GetUtcNow() - Grace);
        for (var next = await NextDayAsync(long.MinValue, cancellationToken); next is { } day && day + Day <= end; next = await NextDayAsync(day + Day, cancellationToken))
        {
            await SealAsync(day, cancellationToken);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await RollUpAsync(stoppingToken);
            }
#pragma warning disable CA1031 // Whatever is wrong, answers only take longer; the next round makes up for it.
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                LogLate(failure);
            }
        }
    }

    /// <summary>The first day from an instant on that has spend and no seal.</summary>
    private async Task<long?> NextDayAsync(long from, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        while (await connection.ExecuteScalarAsync<long?>(new CommandDefinition(
            "select min(bucket_start) from spend where bucket_start >= @from", new { from }, cancellationToken: cancellationToken)) is { } first)
        {
            var day = DayOf(first);
            if (await connection.ExecuteScalarAsync<long>(new CommandDefinition(
                "select count(*) from spend_seal where day = @day and sealed = 1", new { day }, cancellationToken: cancellationToken)) == 0)
            {
                return day;
            }

            from = day + Day;
        }

        return null;
    }

    /// <summary>Reading a day may take seconds, and spend must not wait for it: so the seal is announced, and holds only if nobody broke it meanwhile.</summary>
    private async Task SealAsync(long day, CancellationToken cancellationToken)
    {
        var token = Guid.CreateVersion7(time.GetUtcNow()).ToString();
        await AnnounceAsync(day, token, cancellationToken);
        var (byDay, ofAll) = await AddUpAsync(day, cancellationToken);

        await using var connection = await database.OpenAsync(cancellationToken);
        using var turn = await database.TurnAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        if (await Checkpoints.ExecuteAsync(transaction, "update spend_seal set sealed = 1 where day = @day and token = @token", new { day, token }, cancellationToken) != 1)
        {
            return;
        }

        foreach (var (table, rows) in new[] { (ByDay, byDay), (OfAll, ofAll) })
        {
            await Checkpoints.ExecuteAsync(
                transaction, $"delete from {table} where bucket_start >= @day and bucket_start < @end", new { day, end = day + Day }, cancellationToken);
            await SpendWriter.WriteAsync(table, rows.Rows, transaction, cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    private async Task AnnounceAsync(long day, string token, CancellationToken cancellationToken)
    {
        await using var connection = await database.OpenAsync(cancellationToken);
        using var turn = await database.TurnAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);

        // Whoever writes spend holds this row, so one that did not see the announcement has committed before the day is read.
        await Checkpoints.ExecuteAsync(transaction, "update projection_checkpoint set position = position where name = 'spend'", null, cancellationToken);
        await Checkpoints.ExecuteAsync(
            transaction,
            "insert into spend_seal (day, token, sealed) values (@day, @token, 0) on conflict (day) do update set token = excluded.token, sealed = 0",
            new { day, token },
            cancellationToken);
        await transaction.CommitAsync(cancellationToken);
    }

    private async Task<(SpendRows ByDay, SpendRows OfAll)> AddUpAsync(long day, CancellationToken cancellationToken)
    {
        var (byDay, ofAll) = (new SpendRows(), new SpendRows());
        await using var connection = await database.OpenAsync(cancellationToken);
        await using var reader = await connection.ExecuteReaderAsync(new CommandDefinition(
            $"select {SpendWriter.Columns} from spend where bucket_start >= @day and bucket_start < @end", new { day, end = day + Day }, cancellationToken: cancellationToken));
        while (await reader.ReadAsync(cancellationToken))
        {
            var row = SpendWriter.Read(reader);
            byDay.Row(row.Key with { BucketStart = day }).Add(row);
            ofAll.Row(row.Key with { TenantId = "", KeyId = "" }).Add(row);
        }

        return (byDay, ofAll);
    }

    private static long DayOf(long instant) => instant - (((instant % Day) + Day) % Day);

    [LoggerMessage(LogLevel.Warning, "The days that are over cannot be added up; answers about long periods take longer until they can")]
    private partial void LogLate(Exception failure);
}
