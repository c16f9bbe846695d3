using System.Net;
using System.Text.Json;
using CCGate.Cli.Hosts;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Metering.EventStore;
using CCGate.Proxy.Journal;
using CCGate.Tests.EndToEnd;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>What the journal does while nobody takes its events: it keeps them, refuses before it would have to lose one, and delivers each once.</summary>
public sealed class JournalDeliveryTests : IAsyncLifetime
{
    private readonly Stack<IAsyncDisposable> started = [];
    private readonly Warnings warnings = new();
    private RabbitMqServer rabbit = null!;
    private Uri broker = null!;
    private string database = "";

    public async Task InitializeAsync()
    {
        rabbit = await RabbitMqServer.StartAsync();
        broker = await rabbit.CreateVirtualHostAsync();
        database = await (await PostgresServer.SharedAsync()).CreateDatabaseAsync();
    }

    public async Task DisposeAsync()
    {
        while (started.TryPop(out var one))
        {
            await one.DisposeAsync();
        }

        rabbit.Dispose();
    }

    [Fact]
    public async Task While_the_broker_is_down_requests_are_answered_and_all_arrive_once_when_it_is_back()
    {
        var (proxy, store) = await StartAsync();
        using var http = Client(proxy);
        var ids = new List<Guid> { await AnswerAsync(http) };
        await StoredAsync(store, ids);
        await rabbit.QueueIsOnDiskAsync();

        rabbit.Kill();
        while (ids.Count < 100)
        {
            ids.Add(await AnswerAsync(http));
        }

        Assert.True(Journal(proxy).Undelivered >= 99, $"{Journal(proxy).Undelivered} events wait");
        await rabbit.ResumeAsync();
        await StoredAsync(store, ids);
        await Eventually.HoldsAsync(() => Journal(proxy).Depth == 0, "the journal has forgotten what the read model counts");
    }

    [Fact]
    public async Task A_full_journal_refuses_new_requests_and_loses_none_that_were_answered()
    {
        const int Bound = 20;
        var (proxy, store) = await StartAsync(maxJournalEvents: Bound);
        using var http = Client(proxy);
        var ids = new List<Guid> { await AnswerAsync(http) };
        await Eventually.HoldsAsync(() => Journal(proxy).Depth == 0, "the first request is delivered and counted");
        await rabbit.QueueIsOnDiskAsync();

        rabbit.Kill();
        while (ids.Count < 1 + Bound)
        {
            ids.Add(await AnswerAsync(http));
        }

        using (var refused = await http.PostMessageAsync(TestGateway.Body(stream: false)))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            var answer = JsonElement.Parse(await refused.Content.ReadAsStringAsync());
            Assert.Equal(("error", "api_error"), (answer.GetProperty("type").GetString(), answer.GetProperty("error").GetProperty("type").GetString()));
            Assert.Contains("limits.maxJournalEvents", answer.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        }

        await rabbit.ResumeAsync();
        await Eventually.PassesAsync(async () => ids.Add(await AnswerAsync(http)));
        await StoredAsync(store, ids);
    }

    private async Task<(WebApplication Proxy, IEventStore Store)> StartAsync(int maxJournalEvents = 1_000_000)
    {
        var upstreams = $$"""{ "upstreams": [ {{GatewayFiles.Simulator()}} ] }""";
        var server = $$"""{ "eventStore": "{{database}}", "broker": "{{broker}}", "limits": { "maxJournalEvents": {{maxJournalEvents}} } }""";
        var root = Directory.CreateDirectory(ServerProcess.NewDirectory("delivery"));
        var directory = root.CreateSubdirectory("config");
        TestGateway.Write(directory, "server.json", server);
        TestGateway.Write(directory, "upstreams.json", upstreams);
        TestGateway.Write(directory, "tenants.json", TestGateway.Tenant());
        var reading = new ConfigDirectory(directory).Read();
        Assert.Empty(reading.Errors);
        var start = new HostStart(reading.Config!, null, root, "http://127.0.0.1:0");
        var projections = await StartAsync(GatewayHosts.Projections(start));
        await StartAsync(GatewayHosts.Metering(start));
        return (await StartAsync(GatewayHosts.Proxy(start)), projections.Services.GetRequiredService<IEventStore>());
    }

    private async Task<WebApplication> StartAsync(WebApplication app)
    {
        started.Push(app);
        app.Services.GetRequiredService<ILoggerFactory>().AddProvider(warnings);
        await app.StartAsync();
        return app;
    }

    private static JournalIndex Journal(WebApplication proxy) => proxy.Services.GetRequiredService<UsageJournal>().Index;

    private static HttpClient Client(WebApplication proxy) => new() { BaseAddress = new Uri(proxy.Urls.First()) };

    private static async Task<Guid> AnswerAsync(HttpClient http)
    {
        using var response = await http.PostMessageAsync(TestGateway.Body(stream: false));
        Assert.True(response.StatusCode == HttpStatusCode.OK, await response.Content.ReadAsStringAsync());
        return response.RequestId();
    }

    private Task StoredAsync(IEventStore store, List<Guid> ids) => Eventually.PassesAsync(async () =>
    {
        var stored = await store.ReadAsync(0, long.MaxValue, 100_000, CancellationToken.None);
        var requests = stored.Where(found => found.Type == EventTypes.RequestCompleted).Select(found => found.Id).Order();
        Assert.True(ids.Order().SequenceEqual(requests), $"{requests.Count()} of {ids.Count} requests are stored\n{warnings}");
    });
}
