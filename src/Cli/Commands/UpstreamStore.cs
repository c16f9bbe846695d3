using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Metering;
using CCGate.Projections;
using CCGate.Projections.Engine;
using CCGate.Projections.Upstreams;
using CCGate.Proxy.Upstreams;

namespace CCGate.Cli.Commands;

/// <summary>Where the commands find and change upstreams: in the store, or at a running gateway.</summary>
internal sealed class UpstreamStore(StoreOptions options)
{
    private const string Path = "/api/upstreams";

    /// <summary>What is in force by the files and, where there is a store, by what operators changed.</summary>
    public async Task<GatewayConfig> ConfigAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var config = options.ReadConfig(parsed);
        if (config.EventStore is null && !File.Exists(System.IO.Path.Combine(parsed.GetValue(options.Data)!.FullName, "store.db")))
        {
            return config;
        }

        return await StoreAsync(parsed, (changes, files) => changes.ReadAsync(files, cancellationToken), cancellationToken);
    }

    public async Task<DeclaredUpstream> CreateAsync(ParseResult parsed, JsonObject document, string? reason, CancellationToken cancellationToken) =>
        parsed.GetValue(options.Url) is { } url
            ? Read(await SendAsync(parsed, url, HttpMethod.Post, Path, Body(document, reason), version: null, cancellationToken))
            : await StoreAsync(parsed, (changes, files) => changes.CreateAsync(Element(document), Author(reason), files, cancellationToken), cancellationToken);

    /// <summary>Changes only these members; what is secret and not among them stays.</summary>
    public async Task<DeclaredUpstream> UpdateAsync(ParseResult parsed, string id, JsonObject members, string? reason, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(options.Url) is { } url)
        {
            var list = JsonSerializer.Deserialize(await SendAsync(parsed, url, HttpMethod.Get, Path, body: null, version: null, cancellationToken), UpstreamsJson.Default.UpstreamList)!;
            var known = list.Upstreams.FirstOrDefault(upstream => upstream.Id == id) ?? throw new CommandFailedException($"There is no upstream \"{id}\".");
            var body = Body(Merge(known.Document, members), reason);
            return Read(await SendAsync(parsed, url, HttpMethod.Put, $"{Path}/{Uri.EscapeDataString(id)}", body, known.Version, cancellationToken));
        }

        return await StoreAsync(parsed, async (changes, files) =>
        {
            var known = await changes.FindAsync(id, files, cancellationToken);
            return await changes.UpdateAsync(id, Element(Merge(known.Document, members)), Author(reason) with { Version = known.Version }, files, cancellationToken);
        }, cancellationToken);
    }

    public async Task RemoveAsync(ParseResult parsed, string id, string? reason, CancellationToken cancellationToken)
    {
        if (parsed.GetValue(options.Url) is { } url)
        {
            var query = reason is null ? "" : "?reason=" + Uri.EscapeDataString(reason);
            await SendAsync(parsed, url, HttpMethod.Delete, $"{Path}/{Uri.EscapeDataString(id)}{query}", body: null, version: null, cancellationToken);
            return;
        }

        await StoreAsync(parsed, async (changes, files) =>
        {
            await changes.RemoveAsync(id, Author(reason), files, cancellationToken);
            return true;
        }, cancellationToken);
    }

    public async Task<DeclaredUpstream> OrderAsync(ParseResult parsed, string id, UpstreamOrder order, string? reason, CancellationToken cancellationToken) =>
        parsed.GetValue(options.Url) is { } url
            ? Read(await SendAsync(
                parsed, url, HttpMethod.Post, $"{Path}/{Uri.EscapeDataString(id)}/{order.ToString().ToLowerInvariant()}", Body(document: null, reason), version: null, cancellationToken))
            : await StoreAsync(parsed, (changes, files) => changes.OrderAsync(id, order, Author(reason), files, cancellationToken), cancellationToken);

    private async Task<T> StoreAsync<T>(ParseResult parsed, Func<UpstreamChanges, GatewayConfig, Task<T>> ask, CancellationToken cancellationToken)
    {
        await using var store = options.Open(parsed);
        await store.CatchUpAsync(cancellationToken);
        var data = parsed.GetValue(options.Data)!;
        using var changes = new UpstreamChanges(
            store.Database,
            new EventIntake(store.Events),
            new ProjectionRound(store.Database, store.Events, TimeProvider.System),
            () => new SecretBox(store.Config.SecretsKey ?? SecretsKey.Of(data)),
            TimeProvider.System);
        try
        {
            return await ask(changes, store.Config);
        }
        catch (UpstreamChangeRefusedException refused)
        {
            throw new CommandFailedException(refused.Message);
        }
    }

    private async Task<string> SendAsync(ParseResult parsed, Uri url, HttpMethod method, string path, JsonObject? body, long? version, CancellationToken cancellationToken)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(100) };
        client.DefaultRequestHeaders.Authorization = OperatorCredentials.Find(url, parsed.GetValue(options.Config)!);
        using var request = new HttpRequestMessage(method, new Uri(url, path));
        request.Content = body is null ? null : new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        if (version is { } known)
        {
            request.Headers.TryAddWithoutValidation("If-Match", string.Create(CultureInfo.InvariantCulture, $"\"{known}\""));
        }

        using var response = await client.SendAsync(request, cancellationToken);
        var answer = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? answer : throw new CommandFailedException($"The gateway answered {(int)response.StatusCode}: {answer}");
    }

    private static ChangeAuthor Author(string? reason) => new(Environment.UserName, reason);

    private static JsonObject Body(JsonObject? document, string? reason)
    {
        var body = new JsonObject();
        if (document is not null)
        {
            body["document"] = document;
        }

        if (reason is not null)
        {
            body["reason"] = reason;
        }

        return body;
    }

    private static JsonObject Merge(JsonElement? shown, JsonObject members)
    {
        var merged = shown is { } document ? (JsonObject)JsonNode.Parse(document.GetRawText())! : [];
        foreach (var (name, value) in members)
        {
            merged[name] = value?.DeepClone();
        }

        return merged;
    }

    private static JsonElement Element(JsonObject node) => JsonElement.Parse(node.ToJsonString());

    private static DeclaredUpstream Read(string answer) => JsonSerializer.Deserialize(answer, ProjectionsJson.Default.DeclaredUpstream)!;
}
