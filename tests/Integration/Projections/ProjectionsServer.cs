using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Health;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Storage;
using CCGate.Hosting.Tenants;
using CCGate.Metering.EventStore;
using CCGate.Projections;
using CCGate.Projections.Engine;
using CCGate.Tests.Infrastructure;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace CCGate.Tests.Integration.Projections;

/// <summary>The projections as a host runs them, on a port of their own, over an embedded store.</summary>
internal sealed class ProjectionsServer : IAsyncDisposable
{
    public static readonly GatewayConfig Config = new()
    {
        Admin = new AdminConfig("admin", SecretHash.Of("s3cret:with colon")),
        Tenants =
        [
            new TenantConfig
            {
                Id = "alice",
                Name = "Alice",
                Keys = [new KeyConfig("laptop", SecretHash.Of("alice-key"))],
                TimeZone = TimeZoneInfo.FindSystemTimeZoneById("Asia/Kathmandu"),
                Limits = LimitsConfig.DailyUsd(0.02m),
            },
            new TenantConfig { Id = "bob", Keys = [new KeyConfig("ci", SecretHash.Of("bob-key"))], Enabled = false },
        ],
        Upstreams = [new UpstreamConfig { Id = "u1", Name = "One", Url = new Uri("https://one.example") }, new UpstreamConfig { Id = "u2", Enabled = false }],
    };

    private readonly WebApplication app;
    private readonly string directory;

    private ProjectionsServer(WebApplication app, string directory, HttpClient client)
    {
        this.app = app;
        this.directory = directory;
        Client = client;
    }

    /// <summary>Sends nobody's credentials.</summary>
    public HttpClient Client { get; }

    public IServiceProvider Services => app.Services;

    public ManualTimeProvider Time => (ManualTimeProvider)app.Services.GetRequiredService<TimeProvider>();

    public static async Task<ProjectionsServer> StartAsync(GatewayConfig? config = null)
    {
        var directory = ServerProcess.NewDirectory("server");
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var database = new SqliteDatabase(Path.Combine(directory, "store.db"));
        builder.Services.AddSingleton<Database>(database);
        builder.Services.AddSingleton<IEventStore>(new SqliteEventStore(database, TimeProvider.System));
        builder.Services.AddSingleton(new ConfigSource(config ?? Config));
        builder.Services.AddSingleton<TenantDirectory>();
        builder.Services.AddSingleton(new SecretBox(SecretsKey.Parse(new string('k', SecretsKey.MinLength))!));
        builder.Services.AddSingleton<TimeProvider>(new ManualTimeProvider());
        builder.Services.AddProjections();

        var app = builder.Build();
        app.MapProjections();
        app.MapHealth();
        await app.Services.GetRequiredService<IEventStore>().MigrateAsync(CancellationToken.None);
        await app.StartAsync();
        return new ProjectionsServer(app, directory, new HttpClient { BaseAddress = new Uri(app.Urls.Single()) });
    }

    /// <summary>Appends, and returns when the read models show it.</summary>
    public async Task AppendAsync(params IReadOnlyList<EventRecord> records)
    {
        await app.Services.GetRequiredService<IEventStore>().AppendAsync(records, CancellationToken.None);
        app.Services.GetRequiredService<ProjectionRunner>().Wake();
        await Eventually.HoldsAsync(
            async () => (await app.Services.GetRequiredService<ProjectionStates>().ReadAsync(CancellationToken.None)).All(state => state.State != "behind"),
            "the projections catch up");
    }

    public Task<HttpResponseMessage> GetAsync(string path, string? credentials = "admin:s3cret:with colon")
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Authorization = credentials is null
            ? null
            : new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(credentials)));
        return Client.SendAsync(request);
    }

    public async Task<JsonNode> GetJsonAsync(string path)
    {
        using var response = await GetAsync(path);
        var body = await response.Content.ReadAsStringAsync();
        Assert.True(response.IsSuccessStatusCode, body);
        return JsonNode.Parse(body)!;
    }

    /// <summary>Stops as a host does that is asked to.</summary>
    public Task StopAsync() => app.StopAsync();

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await app.StopAsync();
        await app.DisposeAsync();
        SqliteConnection.ClearAllPools();
        ServerProcess.TryDelete(directory);
    }
}
