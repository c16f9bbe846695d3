using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using CCGate.Bench.Rebuild;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Metering.EventStore;
using CCGate.Projections;
using CCGate.Projections.Administration;
using CCGate.Projections.Engine;
using CCGate.Projections.Questions;
using CCGate.Projections.Requests;
using CCGate.Projections.Spend;
using CCGate.Projections.Traffic;
using CCGate.Projections.Unsettled;
using Dapper;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace CCGate.Bench.Api;

/// <summary>How long the views of the API take over a ledger of a month.</summary>
internal static class ApiBench
{
    private const int Calls = 20;
    private const double LongestP95Ms = 300;
    private const string Password = "bench";
    private const int Days = 30;

    /// <summary>The month ends today, or nothing would be recent; where a store was kept, when that was filled.</summary>
    private static DateTimeOffset end = TimeProvider.System.GetUtcNow();

    public static Command Command()
    {
        var requests = new Option<int>("--requests") { Description = "Requests in the ledger.", DefaultValueFactory = _ => 1_000_000 };
        var tenants = new Option<int>("--tenants") { Description = "Tenants they are of.", DefaultValueFactory = _ => 1_000 };
        var connection = new Option<string?>("--postgres") { Description = "The connection string of an empty database; without it, SQLite in a temporary directory." };
        var data = new Option<DirectoryInfo?>("--data") { Description = "Keep the SQLite store in this directory, or use the one that is there." };
        var test = new Option<bool>("--test") { Description = "Tiny, to see that it still works; any time is good enough." };
        var command = new Command("api", "Measures the views of the API.") { requests, tenants, connection, data, test };
        command.SetAction((parsed, cancellationToken) => parsed.GetValue(test)
            ? RunAsync(1_000, 10, parsed.GetValue(connection), parsed.GetValue(data), double.PositiveInfinity, Console.Out, cancellationToken)
            : RunAsync(parsed.GetValue(requests), parsed.GetValue(tenants), parsed.GetValue(connection), parsed.GetValue(data), LongestP95Ms, Console.Out, cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(int requests, int tenants, string? connectionString, DirectoryInfo? data, double longestMs, TextWriter output, CancellationToken cancellationToken)
    {
        var directory = data ?? Directory.CreateTempSubdirectory("ccgate-bench-api-");
        directory.Create();
        try
        {
            await using Database database = connectionString is null ? new SqliteDatabase(Path.Combine(directory.FullName, "store.db")) : new PostgresDatabase(connectionString);
            IEventStore store = database is PostgresDatabase postgres
                ? new PostgresEventStore(postgres, NullLogger<PostgresEventStore>.Instance)
                : new SqliteEventStore((SqliteDatabase)database, TimeProvider.System);
            await store.MigrateAsync(cancellationToken);
            if (await store.HighWaterMarkAsync(cancellationToken) < requests)
            {
                await RebuildBench.FillAsync(database, store, requests, number => Event(number, requests, tenants), cancellationToken);
            }

            await ProjectAsync(database, store, requests, output, cancellationToken);
            return await MeasureAsync(database, store, tenants, longestMs, output, cancellationToken);
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            if (data is null)
            {
                directory.Delete(recursive: true);
            }
        }
    }

    private static async Task ProjectAsync(Database database, IEventStore store, int requests, TextWriter output, CancellationToken cancellationToken)
    {
        IProjection[] projections = [new SpendProjection(), new UnsettledProjection(), new AdministrationProjection(), new TrafficProjection(), new RequestsProjection()];
        await Checkpoints.MigrateAsync(database, projections, TimeProvider.System, cancellationToken);
        var round = new ProjectionRound(database, store, TimeProvider.System);
        foreach (var projection in projections)
        {
            var watch = Stopwatch.StartNew();
            await round.CatchUpAsync(projection, cancellationToken);
            await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{projection.Name,-16} {requests / watch.Elapsed.TotalSeconds,10:N0} events/s"));
        }

        var rolling = Stopwatch.StartNew();
        await new SpendRollUp(database, TimeProvider.System, NullLogger<SpendRollUp>.Instance).RollUpAsync(cancellationToken);
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{"roll-up",-16} {rolling.ElapsedMilliseconds,10:N0} ms"));
        await using var connection = await database.OpenAsync(cancellationToken);
        end = Instant.FromMicroseconds(await connection.ExecuteScalarAsync<long>("select max(minute) from traffic"));
    }

    private static async Task<int> MeasureAsync(Database database, IEventStore store, int tenants, double longestMs, TextWriter output, CancellationToken cancellationToken)
    {
        await using var app = Host(database, store, tenants);
        await app.StartAsync(cancellationToken);
        using var client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()) };

        await output.WriteLineAsync($"{"view",-80} {"cold",8} {"p50",8} {"p95",8} {"max",8} {"CPU",8}  ms");
        var slow = 0;
        foreach (var path in Paths())
        {
            var times = new List<double>();
            var used = TimeSpan.Zero;
            for (var call = 0; call <= Calls; call++)
            {
                var watch = Stopwatch.StartNew();
                using var request = new HttpRequestMessage(HttpMethod.Get, path);
                request.Headers.Authorization = path.StartsWith("/api/me", StringComparison.Ordinal)
                    ? new AuthenticationHeaderValue("Bearer", Tenant(7))
                    : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes("admin:" + Password)));
                using var response = await client.SendAsync(request, cancellationToken);
                var body = await response.Content.ReadAsStringAsync(cancellationToken);
                times.Add(watch.Elapsed.TotalMilliseconds);
                used = call == 0 ? Process.GetCurrentProcess().TotalProcessorTime : used;
                if (!response.IsSuccessStatusCode)
                {
                    throw new BenchFailedException($"{path}: {(int)response.StatusCode} {body}");
                }
            }

            var cpu = (Process.GetCurrentProcess().TotalProcessorTime - used).TotalMilliseconds / Calls;
            var cold = times[0];
            var warm = times[1..].Order().ToList();
            slow += warm[^2] > longestMs ? 1 : 0;
            await output.WriteLineAsync(string.Create(
                CultureInfo.InvariantCulture, $"{path,-80} {cold,8:N1} {warm[Calls / 2],8:N1} {warm[^2],8:N1} {warm[^1],8:N1} {cpu,8:N1}{(warm[^2] > longestMs ? "  TOO SLOW" : "")}"));
        }

        await app.StopAsync(cancellationToken);
        return slow == 0 ? 0 : 1;
    }

    private static IEnumerable<string> Paths()
    {
        static string Day(int back) => end.AddDays(-back).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        static string Deep(string order, long value) => new PageCursor(value, Guid.AllBitsSet.ToString()).Write(order);
        var month = $"from={Day(Days - 1)}&to={Day(0)}";
        var middle = Instant.ToMicroseconds(end.AddDays(-Days / 2));
        return
        [
            "/api/overview",
            "/api/requests",
            $"/api/requests?sort=spend&from={Day(6)}",
            $"/api/requests?sort=duration&from={Day(6)}",
            $"/api/requests?cursor={Deep("Time-desc", middle)}",
            $"/api/requests?sort=spend&from={Day(6)}&cursor={Deep("Spend-desc", 10_000_000_000)}",
            "/api/requests?tenant=tenant-7",
            "/api/requests?tenant=tenant-7&sort=spend",
            "/api/requests?tenant=tenant-7&outcome=Failed",
            "/api/requests?model=claude-haiku-4-5-20251001",
            "/api/requests?upstream=u1&outcome=Failed",
            "/api/requests?outcome=Interrupted",
            "/api/requests?state=Unknown&status=500",
            "/api/requests?minUsd=0.5",
            "/api/requests?session=session-12",
            "/api/requests?q=session-12",
            "/api/requests?q=nowhere",
            $"/api/requests?outcome=Failed&cursor={Deep("Time-desc", middle)}",
            $"/api/requests?outcome=Failed&from={Day(7)}&to={Day(6)}",
            $"/api/requests?outcome=Failed&sort=spend&from={Day(0)}",
            $"/api/requests?outcome=Interrupted&sort=duration&from={Day(0)}",
            $"/api/requests?q=nowhere&sort=spend&from={Day(0)}",
            "/api/sessions",
            "/api/sessions?active=true",
            "/api/sessions?tenant=tenant-7",
            $"/api/sessions?cursor={Deep("session", middle)}",
            $"/api/usage?{month}",
            $"/api/usage?{month}&by=model",
            $"/api/usage?{month}&by=tenant",
            $"/api/usage?{month}&by=day,model",
            $"/api/usage?{month}&by=day&timezone=Asia/Kolkata",
            $"/api/usage?{month}&by=hour,upstream",
            $"/api/usage?{month}&by=tenant,model",
            $"/api/usage?{month}&by=day&tenant=tenant-7",
            $"/api/usage?{month}&by=day&tenant=tenant-7&timezone=Asia/Kolkata",
            "/api/usage?by=model",
            $"/api/leaderboard?{month}",
            $"/api/leaderboard?by=key&order=tokens&{month}",
            "/api/leaderboard",
            "/api/quotas",
            "/api/quotas?tenant=tenant-7",
            "/api/budgets/extensions",
            "/api/me",
            $"/api/me/usage?{month}&by=day,model",
            "/api/me/requests",
            "/api/me/requests?sort=spend",
            "/api/projections",
        ];
    }

    private static WebApplication Host(Database database, IEventStore store, int tenants)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(database);
        builder.Services.AddSingleton(store);
        builder.Services.AddSingleton(new SecretBox(SecretsKey.Parse(new string('k', SecretsKey.MinLength))!));
        builder.Services.AddSingleton(new ConfigSource(new GatewayConfig
        {
            Api = new ApiConfig(100_000, 1_000_000),
            Admin = new AdminConfig("admin", SecretHash.Of(Password)),
            Tenants = [.. Enumerable.Range(0, tenants).Select(TenantOf)],
        }));
        builder.Services.AddSingleton<TenantDirectory>();
        builder.Services.AddProjections();
        var app = builder.Build();
        app.MapProjections();
        return app;
    }

    /// <summary>Budgets in two time zones, so that no two kinds of windows begin at the same instant.</summary>
    private static TenantConfig TenantOf(int number) => new()
    {
        Id = Tenant(number),
        Keys = [new KeyConfig("laptop", SecretHash.Of(Tenant(number)))],
        TimeZone = number % 2 == 0 ? TimeZoneInfo.Utc : TimeZoneInfo.FindSystemTimeZoneById("Europe/Berlin"),
        Limits = new LimitsConfig { Windows = [.. Enum.GetValues<LimitWindow>().Select(window => new WindowLimit(window, MaxUsd: 1_000_000))] },
    };

    private static string Tenant(int number) => string.Create(CultureInfo.InvariantCulture, $"tenant-{number}");

    /// <summary>A month of agents: conversations of some thirty requests, each with a tenant that uses one of two models.</summary>
    private static EventRecord Event(int number, int requests, int tenants)
    {
        // Conversations run beside each other, so that neighbours in time are of different ones.
        var running = Math.Max(1, requests / 1000);
        var session = (number % running) + (number / running / 30 * running);
        var admitted = end.AddTicks(-TimeSpan.FromDays(Days).Ticks / requests * (requests - number)).AddTicks(number * 7919L % 1_000_000);
        var usage = new TokenUsage { InputTokens = 3 + (number % 200), CacheReadTokens = 26_358 + (number % 5_000), CacheWrite5mTokens = number % 1_500, OutputTokens = 57 + (number % 900) };
        var attempt = new Attempt
        {
            Number = 1,
            UpstreamId = string.Create(CultureInfo.InvariantCulture, $"u{session % 3}"),
            ProviderModel = session % 5 == 0 ? "claude-haiku-4-5-20251001" : "claude-sonnet-4-5-20250929",
            StartedAt = admitted,
            FirstByteAt = admitted.AddMilliseconds(300 + (number % 700)),
            EndedAt = admitted.AddMilliseconds(1_000 + (number % 9_001)),
            StatusCode = number % 50 == 0 ? 502 : 200,
            Usage = usage,
            UsageState = UsageState.Known,
            SpendUsd = ((usage.InputTokens * 3m) + (usage.CacheReadTokens * 0.3m) + (usage.CacheWrite5mTokens * 3.75m) + (usage.OutputTokens * 15m)) / 1_000_000m,
        };
        return EventRecord.From(new RequestCompleted
        {
            RequestId = Guid.CreateVersion7(admitted),
            TenantId = Tenant(session % tenants),
            KeyId = session % 3 == 0 ? "laptop" : "ci",
            SessionId = string.Create(CultureInfo.InvariantCulture, $"session-{session}"),
            Surface = "anthropic",
            RequestedModel = "claude-sonnet-4-5",
            Streaming = true,
            AdmittedAt = admitted,
            CompletedAt = attempt.EndedAt,
            Outcome = number % 50 == 0 ? RequestOutcome.Failed : RequestOutcome.Succeeded,
            Attempts = [attempt],
            Usage = usage,
            HeldUsd = 1.9m,
            SpendUsd = attempt.SpendUsd,
            ProxyInstance = "host-1",
        });
    }
}
