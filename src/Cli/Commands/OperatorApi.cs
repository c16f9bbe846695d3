using System.CommandLine;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Cli.Hosts;
using CCGate.Hosting.Configuration;
using Microsoft.AspNetCore.Builder;

namespace CCGate.Cli.Commands;

/// <summary>The operator's API as commands ask it: of the gateway at <c>--url</c>, else over the store, in this process and for nobody else.</summary>
/// <remarks>One way for both, so that a command checks, decides and words nothing by itself (docs/decisions/0024-commands-ask-the-api.md).</remarks>
internal sealed class OperatorApi : IAsyncDisposable
{
    private readonly HttpClient client;
    private readonly Func<ValueTask> close;

    private OperatorApi(HttpClient client, Func<ValueTask> close)
    {
        this.client = client;
        this.close = close;
    }

    /// <summary>The gateway that <c>--url</c> names, or the store that <c>--config</c> and <c>--data</c> name.</summary>
    public static async Task<OperatorApi> OpenAsync(ParseResult parsed, StoreOptions options, CancellationToken cancellationToken) =>
        parsed.GetValue(options.Url) is { } url ? At(url, parsed, options) : await OverStoreAsync(parsed, options, cancellationToken);

    /// <summary>A gateway that must run: at <c>--url</c>, or where server.json says that it listens. For what only a running one knows.</summary>
    public static OperatorApi OfRunning(ParseResult parsed, StoreOptions options)
    {
        if (parsed.GetValue(options.Url) is { } url)
        {
            return At(url, parsed, options);
        }

        var server = options.ReadConfig(parsed).Server;
        return At(new UriBuilder("http", server.Host is "0.0.0.0" or "::" or "*" ? "127.0.0.1" : server.Host, server.Port).Uri, parsed, options);
    }

    public async Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken) =>
        JsonElement.Parse(await SendAsync(HttpMethod.Get, path, body: null, version: null, cancellationToken));

    /// <summary>The answer; what has none is a null.</summary>
    /// <param name="version">The version that is changed, so that somebody else's change in between is not lost; null for any.</param>
    public async Task<JsonElement> ChangeAsync(HttpMethod method, string path, JsonObject? body, long? version, CancellationToken cancellationToken)
    {
        var answer = await SendAsync(method, path, body, version, cancellationToken);
        return JsonElement.Parse(answer.Length == 0 ? "null" : answer);
    }

    public async ValueTask DisposeAsync()
    {
        client.Dispose();
        await close();
    }

    private async Task<string> SendAsync(HttpMethod method, string path, JsonObject? body, long? version, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        }

        if (version is not null)
        {
            request.Headers.IfMatch.Add(new EntityTagHeaderValue($"\"{version}\""));
        }

        using var response = await client.SendAsync(request, cancellationToken);
        var answer = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? answer : throw new CommandFailedException(ProblemText.Of(response.StatusCode, answer));
    }

    private static OperatorApi At(Uri url, ParseResult parsed, StoreOptions options)
    {
        var client = new HttpClient { BaseAddress = url, Timeout = TimeSpan.FromSeconds(100) };
        client.DefaultRequestHeaders.Authorization = OperatorCredentials.Find(url, parsed.GetValue(options.Config)!, parsed.GetValue(options.Data));
        return new OperatorApi(client, () => ValueTask.CompletedTask);
    }

    private static async Task<OperatorApi> OverStoreAsync(ParseResult parsed, StoreOptions options, CancellationToken cancellationToken)
    {
        var store = options.Open(parsed);
        var socket = Directory.CreateTempSubdirectory("ccgate-"); // For this user alone, and with it the socket.
        WebApplication? app = null;
        try
        {
            await store.CatchUpAsync(cancellationToken);
            var path = Path.Combine(socket.FullName, "api");
            var password = RandomNumberGenerator.GetHexString(64);
            var config = store.Config with { Admin = new AdminConfig(Environment.UserName, SecretHash.Of(password)), Telemetry = new TelemetryConfig() };
            app = GatewayHosts.Operator(new HostStart(config, Directory: null, parsed.GetValue(options.Data)!, $"http://unix:{path}"), store.Database, store.Events);
            await app.StartAsync(cancellationToken);
            return new OperatorApi(Client(path, password), CloseAsync);
        }
        catch
        {
            await CloseAsync();
            throw;
        }

        async ValueTask CloseAsync()
        {
            await (app?.DisposeAsync() ?? ValueTask.CompletedTask);
            await store.DisposeAsync();
            socket.Delete(recursive: true);
        }
    }

    private static HttpClient Client(string path, string password)
    {
        var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            ConnectCallback = async (_, cancellationToken) =>
            {
                var connection = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await connection.ConnectAsync(new UnixDomainSocketEndPoint(path), cancellationToken);
                return new NetworkStream(connection, ownsSocket: true);
            },
        };
        var client = new HttpClient(handler) { BaseAddress = new Uri("http://localhost"), Timeout = TimeSpan.FromSeconds(100) };
        client.DefaultRequestHeaders.Authorization =
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{Environment.UserName}:{password}")));
        return client;
    }
}

/// <summary>A refusal of the API as people read it: what is wrong, each member on its own line.</summary>
internal static class ProblemText
{
    public static string Of(HttpStatusCode status, string answer)
    {
        var problem = Read(answer);
        List<string> lines = [Text(problem, "detail") ?? Text(problem, "title") ?? $"The gateway answered {(int)status}."];
        if (problem is { } read && read.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Object)
        {
            lines.AddRange(errors.EnumerateObject().Select(member => $"  {member.Name}: {string.Join(' ', member.Value.EnumerateArray().Select(text => text.GetString()))}"));
        }

        if (status == HttpStatusCode.Unauthorized)
        {
            lines.Add($"Credentials come from --url (http://name:password@host), {OperatorCredentials.Token}, 'admin' in server.json, or {OperatorCredentials.Password}.");
        }

        return string.Join('\n', lines);
    }

    private static JsonElement? Read(string answer)
    {
        try
        {
            var read = JsonElement.Parse(answer);
            return read.ValueKind == JsonValueKind.Object ? read : null;
        }
        catch (JsonException)
        {
            return null; // Something in between answered, and not the gateway: its page helps nobody.
        }
    }

    private static string? Text(JsonElement? problem, string name) =>
        problem is { } read && read.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? text.GetString() : null;
}
