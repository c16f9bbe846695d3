using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Storage;
using CCGate.Metering.EventStore;
using CCGate.Projections.Engine;
using CCGate.Projections.Spend;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace CCGate.Bench.Rebuild;

/// <summary>How fast the read model is built again from a ledger of a million events, while requests go on.</summary>
internal static class RebuildBench
{
    private const int Tenants = 50;
    private const int LiveBatch = 50;
    private static readonly TimeSpan LivePause = TimeSpan.FromMilliseconds(100);

    public static Command Command()
    {
        var events = new Option<int>("--events") { Description = "Events in the ledger.", DefaultValueFactory = _ => 1_000_000 };
        var rounds = new Option<int>("--rounds") { Description = "How often it is rebuilt.", DefaultValueFactory = _ => 3 };
        var connection = new Option<string?>("--postgres") { Description = "The connection string of an empty database; without it, SQLite in a temporary directory." };
        var command = new Command("rebuild", "Measures 'billing rebuild' under live traffic.") { events, rounds, connection };
        command.SetAction((parsed, cancellationToken) => RunAsync(parsed.GetValue(events), parsed.GetValue(rounds), parsed.GetValue(connection), Console.Out, cancellationToken));
        return command;
    }

    public static async Task RunAsync(int events, int rounds, string? connectionString, TextWriter output, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("ccgate-bench-rebuild-");
        try
        {
            await using Database database = connectionString is null ? new SqliteDatabase(Path.Combine(directory.FullName, "store.db")) : new PostgresDatabase(connectionString);
            IEventStore store = database is PostgresDatabase postgres
                ? new PostgresEventStore(postgres, NullLogger<PostgresEventStore>.Instance)
                : new SqliteEventStore((SqliteDatabase)database, TimeProvider.System);
            await store.MigrateAsync(cancellationToken);
            var spend = new SpendProjection();
            await Checkpoints.MigrateAsync(database, [spend], TimeProvider.System, cancellationToken);
            var round = new ProjectionRound(database, store, TimeProvider.System);

            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"Filling {(connectionString is null ? "SQLite" : "PostgreSQL")} with {events} events …"));
            await FillAsync(database, store, events, Event, cancellationToken);

            // The live table is what a rebuild must equal, so it is made in the plain way.
            var catchingUp = Stopwatch.StartNew();
            await round.CatchUpAsync(spend, cancellationToken);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"live projection: {events / catchingUp.Elapsed.TotalSeconds:N0} events/s"));

            for (var number = 1; number <= rounds; number++)
            {
                using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                var traffic = TrafficAsync(store, round, spend, stop.Token);
                var (watch, cpu) = (Stopwatch.StartNew(), Process.GetCurrentProcess().TotalProcessorTime);
                var report = await new ProjectionRebuild(database, store, round, TimeProvider.System).RunAsync(spend, progress: null, cancellationToken);
                var (elapsed, used) = (watch.Elapsed, Process.GetCurrentProcess().TotalProcessorTime - cpu);
                await stop.CancelAsync();
                var live = await traffic;
                await output.WriteLineAsync(string.Create(
                    CultureInfo.InvariantCulture,
                    $"rebuild {number}: {report.Position / elapsed.TotalSeconds:N0} events/s ({elapsed.TotalSeconds:N2} s, {used.TotalSeconds:N2} s of CPU here), {report.RebuiltRows} rows, {live} events appended meanwhile, {(report.Identical ? "identical" : "DIFFERENT")}, peak memory {PeakMegabytes()} MB"));
                if (!report.Identical)
                {
                    throw new BenchFailedException("The rebuilt table differs from the live one.");
                }
            }
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            directory.Delete(recursive: true);
        }
    }

    /// <summary>Appends events made of their numbers, by the fastest way there is.</summary>
    public static async Task FillAsync(Database database, IEventStore store, int count, Func<int, EventRecord> make, CancellationToken cancellationToken)
    {
        const int Batch = 20_000;
        for (var from = 0; from < count; from += Batch)
        {
            var records = Enumerable.Range(from, Math.Min(Batch, count - from)).Select(make).ToList();
            if (database is PostgresDatabase postgres)
            {
                await CopyAsync(postgres, records, from, cancellationToken);
            }
            else
            {
                await store.AppendAsync(records, cancellationToken);
            }
        }

        if (database is PostgresDatabase filled)
        {
            await using var streams = filled.Source.CreateCommand(
                "update metering.mt_streams s set version = e.last from (select stream_id, max(version) as last from metering.mt_events group by stream_id) e where e.stream_id = s.id");
            await streams.ExecuteNonQueryAsync(cancellationToken);
            await using var sequence = filled.Source.CreateCommand("select setval('metering.mt_events_sequence', (select max(seq_id) from metering.mt_events))");
            await sequence.ExecuteNonQueryAsync(cancellationToken);
            await using var vacuum = filled.Source.CreateCommand("vacuum analyze metering.mt_events");
            vacuum.CommandTimeout = 0;
            await vacuum.ExecuteNonQueryAsync(cancellationToken);
        }
    }

    /// <summary>Ten times as fast as appending; the versions of the streams are made up.</summary>
    private static async Task CopyAsync(PostgresDatabase database, List<EventRecord> records, int from, CancellationToken cancellationToken)
    {
        await using var connection = await database.Source.OpenConnectionAsync(cancellationToken);
        await using var streams = new NpgsqlCommand("insert into metering.mt_streams (id, version) select distinct stream, 0 from unnest($1) as stream on conflict do nothing", connection);
        streams.Parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. records.Select(record => record.Stream)] });
        await streams.ExecuteNonQueryAsync(cancellationToken);
        await using var copy = await connection.BeginBinaryImportAsync(
            "copy metering.mt_events (seq_id, id, stream_id, version, data, type, \"timestamp\") from stdin (format binary)", cancellationToken);
        foreach (var (index, record) in records.Index())
        {
            await copy.StartRowAsync(cancellationToken);
            await copy.WriteAsync((long)from + index + 1, cancellationToken);
            await copy.WriteAsync(record.Id, cancellationToken);
            await copy.WriteAsync(record.Stream, cancellationToken);
            await copy.WriteAsync((long)from + index + 1, cancellationToken);
            await copy.WriteAsync(record.Data, NpgsqlTypes.NpgsqlDbType.Jsonb, cancellationToken);
            await copy.WriteAsync(record.Type, cancellationToken);
            await copy.WriteAsync(record.Timestamp.UtcDateTime, cancellationToken);
        }

        await copy.CompleteAsync(cancellationToken);
    }

    private static async Task<int> TrafficAsync(IEventStore store, ProjectionRound round, SpendProjection spend, CancellationToken cancellationToken)
    {
        var appended = 0;
        try
        {
            while (true)
            {
                await store.AppendAsync([.. Enumerable.Range(appended, LiveBatch).Select(Event)], cancellationToken);
                appended += LiveBatch;
                await round.CatchUpAsync(spend, cancellationToken);
                await Task.Delay(LivePause, TimeProvider.System, cancellationToken);
            }
        }
        catch (OperationCanceledException)
        {
            return appended;
        }
    }

    /// <summary>An event as Claude Code makes it: mostly one attempt, a real usage object, ids and times as they come.</summary>
    private static EventRecord Event(int number)
    {
        // A busy day: a million requests make some thousands of rows.
        var admitted = new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero).AddTicks((number % 1_000_000 * 864_000L) + (number * 7919L % 10_000_000));
        var attempts = Enumerable.Range(1, number % 20 == 0 ? 2 : number % 97 == 0 ? 3 : 1).Select(attempt => Attempt(number, attempt, admitted)).ToList();
        return EventRecord.From(new RequestCompleted
        {
            RequestId = Guid.CreateVersion7(admitted),
            TenantId = string.Create(CultureInfo.InvariantCulture, $"tenant-{number % Tenants}"),
            KeyId = number % 3 == 0 ? "laptop" : "ci",
            SessionId = string.Create(CultureInfo.InvariantCulture, $"0199f3a2-7c1e-7a66-b1c2-{number % 1000:x12}"),
            Surface = "anthropic",
            RequestedModel = "claude-sonnet-4-5",
            Streaming = true,
            AdmittedAt = admitted,
            CompletedAt = admitted.AddTicks(12_345_678 + (number % 1000 * 10_007L)),
            Outcome = number % 50 == 0 ? RequestOutcome.Failed : RequestOutcome.Succeeded,
            Attempts = attempts,
            Usage = attempts.Aggregate(new TokenUsage(), (sum, attempt) => sum + attempt.Usage),
            HeldUsd = 1.924716m,
            HeldTokens = 135_000,
            SpendUsd = attempts.Sum(attempt => attempt.SpendUsd),
            ProxyInstance = "host-1-3f2a9c",
        });
    }

    private static Attempt Attempt(int number, int attempt, DateTimeOffset admitted)
    {
        var usage = new TokenUsage
        {
            InputTokens = 3 + (number % 200),
            CacheReadTokens = 26_358 + (number % 5_000),
            CacheWrite5mTokens = number % 1_500,
            CacheWrite1hTokens = number % 300,
            OutputTokens = 57 + (number % 900),
            ServiceTier = "standard",
        };
        return new Attempt
        {
            Number = attempt,
            UpstreamId = string.Create(CultureInfo.InvariantCulture, $"u{(number + attempt) % 4}"),
            UpstreamKeyHint = "x9Qa",
            ProviderModel = number % 5 == 0 ? "claude-haiku-4-5-20251001" : "claude-sonnet-4-5-20250929",
            StartedAt = admitted.AddTicks(31_337),
            FirstByteAt = admitted.AddTicks(4_567_891),
            EndedAt = admitted.AddTicks(12_345_001),
            StatusCode = 200,
            UsageState = UsageState.Known,
            PriceVersion = "shipped-2026-11",
            SpendUsd = ((usage.InputTokens * 3m) + (usage.CacheReadTokens * 0.3m) + (usage.CacheWrite5mTokens * 3.75m) + (usage.CacheWrite1hTokens * 6m) + (usage.OutputTokens * 15m)) / 1_000_000m,
            Usage = usage with
            {
                RawUsage = JsonElement.Parse(string.Create(CultureInfo.InvariantCulture, $$"""
                    {"input_tokens":{{usage.InputTokens}},"cache_creation_input_tokens":{{usage.CacheWrite5mTokens + usage.CacheWrite1hTokens}},"cache_read_input_tokens":{{usage.CacheReadTokens}},"cache_creation":{"ephemeral_5m_input_tokens":{{usage.CacheWrite5mTokens}},"ephemeral_1h_input_tokens":{{usage.CacheWrite1hTokens}} },"output_tokens":{{usage.OutputTokens}},"service_tier":"standard"}
                    """)),
            },
        };
    }

    /// <summary>What the kernel says this process had in memory at most.</summary>
    private static long PeakMegabytes() => Process.GetCurrentProcess().PeakWorkingSet64 / (1024 * 1024);
}
