using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate upstreams add</c>, <c>update</c>, <c>remove</c>, <c>drain</c>, <c>resume</c> and <c>reset</c>: changes that every proxy follows while it runs.</summary>
internal sealed class UpstreamChangeCommands(StoreOptions options)
{
    public const string Path = "/api/upstreams";

    private const string NoUrl = "-";

    private readonly ChangeOptions change = new(options);
    private readonly Argument<string> id = new("NAME") { Description = "The upstream's id." };
    private readonly Argument<string> url = new("URL") { Description = $"Its address; {NoUrl} for a simulator." };
    private readonly Argument<string> kind = new("KIND") { Description = "anthropic, openai, openai-responses, gemini or simulator." };
    private readonly Option<string?> key = new("--key") { Description = "The key; whoever lists the processes of this machine sees it, so prefer --key-stdin." };
    private readonly Option<bool> keyStdin = new("--key-stdin") { Description = "Read the key from standard input, one line." };
    private readonly DocumentOptions members = new DocumentOptions()
        .Number("--weight", "Its share of the requests, 100 by default.", "weight")
        .Texts("--models", "Patterns of the models it serves.", "models")
        .Texts("--groups", "The groups of tenants it serves.", "groups");
    private readonly DocumentOptions changed = new DocumentOptions()
        .Text("--to", "Its new address.", "url")
        .Flag("--enabled", "Whether it is used at all: true or false.", "enabled");

    public static IEnumerable<Command> Create(StoreOptions options)
    {
        var upstreams = new UpstreamChangeCommands(options);
        var (change, id) = (upstreams.change, upstreams.id);
        var add = change.Command("add", "Declare an upstream, in force on every proxy within a second.",
            [id, upstreams.url, upstreams.kind, upstreams.key, upstreams.keyStdin, change.Reason], upstreams.AddAsync);
        var update = change.Command("update", "Change a declared upstream; what is not given stays.", [id, upstreams.key, upstreams.keyStdin, change.Reason], upstreams.UpdateAsync);
        upstreams.members.AddTo(add);
        upstreams.members.AddTo(update);
        upstreams.changed.AddTo(update);
        return
        [
            add, update,
            change.Command("remove", "Remove a declared upstream; requests in flight end.", [id, change.Reason, change.Yes], upstreams.RemoveAsync),
            upstreams.Order("drain", "Give an upstream no new requests on any proxy; those in flight end.", "gets no new requests"),
            upstreams.Order("resume", "Give a drained upstream requests again.", "gets requests again"),
            upstreams.Order("reset", "Close the circuits of an upstream and of all its keys on every proxy, and forget that its health check failed.", "and its keys may be used again"),
        ];
    }

    private async Task<int> AddAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var document = new JsonObject { ["id"] = parsed.GetValue(id), ["kind"] = parsed.GetValue(kind) };
        if (parsed.GetValue(url) is { } address and not NoUrl)
        {
            document["url"] = address;
        }

        await WriteAsync(parsed, document, cancellationToken);
        var added = await api.ChangeAsync(HttpMethod.Post, Path, change.Body(parsed, new JsonObject { ["document"] = document }), version: null, cancellationToken);
        return await change.SayAsync(parsed, added, $"{parsed.GetValue(id)} is declared.");
    }

    /// <summary>Writes only what is said over what is shown; a secret that is neither stays as it is.</summary>
    private async Task<int> UpdateAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var said = new JsonObject();
        changed.Write(parsed, said);
        await WriteAsync(parsed, said, cancellationToken);
        if (said.Count == 0)
        {
            throw new CommandFailedException("There is nothing to change: give --to, --key-stdin, --weight, --models, --groups or --enabled.");
        }

        var current = await api.GetAsync(At(parsed), cancellationToken);
        var document = ApiColumn.Find(current, "document") is { ValueKind: JsonValueKind.Object } known ? JsonObject.Create(known)! : [];
        foreach (var (name, value) in said)
        {
            document[name] = value?.DeepClone();
        }

        long? version = ApiColumn.Find(current, "version") is { ValueKind: JsonValueKind.Number } position ? position.GetInt64() : null;
        var answer = await api.ChangeAsync(HttpMethod.Put, At(parsed), change.Body(parsed, new JsonObject { ["document"] = document }), version, cancellationToken);
        return await change.SayAsync(parsed, answer, $"{parsed.GetValue(id)} is changed.");
    }

    private async Task<int> RemoveAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        if (await change.ConfirmAsync(parsed, $"Remove the upstream {parsed.GetValue(id)} from every proxy, and its keys?", cancellationToken) is { } stopped)
        {
            return stopped;
        }

        var removed = await api.ChangeAsync(HttpMethod.Delete, At(parsed) + change.Query(parsed), body: null, version: null, cancellationToken);
        return await change.SayAsync(parsed, removed, $"{parsed.GetValue(id)} is removed.");
    }

    private Command Order(string verb, string description, string said) => change.Command(verb, description, [id, change.Reason], async (parsed, api, cancellationToken) =>
    {
        var ordered = await api.ChangeAsync(HttpMethod.Post, $"{At(parsed)}/{verb}", change.Body(parsed, []), version: null, cancellationToken);
        return await change.SayAsync(parsed, ordered, $"{parsed.GetValue(id)} {said}.");
    });

    private async Task WriteAsync(ParseResult parsed, JsonObject document, CancellationToken cancellationToken)
    {
        if (await KeyAsync(parsed, cancellationToken) is { } secret)
        {
            document["key"] = secret;
        }

        members.Write(parsed, document);
    }

    private async Task<string?> KeyAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (!parsed.GetValue(keyStdin))
        {
            return parsed.GetValue(key);
        }

        return (await Console.In.ReadLineAsync(cancellationToken))?.Trim() is { Length: > 0 } line ? line : throw new CommandFailedException("--key-stdin: there is no line on standard input.");
    }

    private string At(ParseResult parsed) => $"{Path}/{ChangeOptions.Escape(parsed.GetValue(id)!)}";
}
