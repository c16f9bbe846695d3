using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate use</c>, <c>balance</c>, <c>show</c>, <c>remove</c> and <c>clear</c>: the verbs of claude-proxy, for hands that know them.</summary>
internal sealed class SwitchCommand(StoreOptions options)
{
    private const string Upstreams = "/api/upstreams";
    private const string Routing = "/api/routing";

    private static readonly ApiColumn[] Columns =
    [
        ApiColumn.Text("id"), ApiColumn.Text("name"), ApiColumn.Text("kind"), ApiColumn.Text("url"), ApiColumn.Text("enabled"), ApiColumn.Text("drained"), ApiColumn.Number("weight"),
    ];

    private readonly ChangeOptions change = new(options);
    private readonly Argument<string> name = new("NAME") { Description = "The upstream's id, its name, or its place in the list, from 0." };
    private readonly Argument<string?> strategy = new("STRATEGY") { Description = "How requests are spread; nothing shows how they are.", Arity = ArgumentArity.ZeroOrOne };

    public static IEnumerable<Command> Create(StoreOptions options)
    {
        var verbs = new SwitchCommand(options);
        var change = verbs.change;
        verbs.strategy.AcceptOnlyFromAmong(
            "weighted_round_robin", "round_robin", "round-robin", "random", "least_connections", "least_latency", "cheapest", "priority", "failover");
        return
        [
            change.Command("use", "Send everything to one upstream: it is resumed, and all others are drained.", [verbs.name, change.Reason], verbs.UseAsync),
            change.Command("balance", "Spread requests over all upstreams again, by this strategy.", [verbs.strategy, change.Reason], verbs.BalanceAsync),
            change.Command("show", "Show the upstreams, and how requests are spread over them.", [], verbs.ShowAsync),
            change.Command("remove", "Remove an upstream.", [verbs.name, change.Reason, change.Yes], verbs.RemoveAsync),
            change.Command("clear", "Give every upstream and key a new chance: circuits are closed, and failed health checks forgotten.", [], verbs.ClearAsync),
        ];
    }

    private async Task<int> UseAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var known = await ListAsync(api, cancellationToken);
        var used = Find(known, parsed.GetValue(name)!);

        // This one first: at no moment may there be none.
        var answer = await PostAsync(parsed, api, used, "resume", cancellationToken);
        foreach (var other in known.Select(IdOf).Where(id => id != used))
        {
            await PostAsync(parsed, api, other, "drain", cancellationToken);
        }

        return await change.SayAsync(parsed, answer, $"Everything goes to {used}; 'ccgate balance' uses all upstreams again.");
    }

    private async Task<int> BalanceAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var routing = await api.GetAsync(Routing, cancellationToken);
        if (parsed.GetValue(strategy) is not { } written)
        {
            return await change.SayAsync(parsed, routing, StrategyOf(routing));
        }

        var loadBalancer = ApiColumn.Find(routing, "loadBalancer") is { ValueKind: JsonValueKind.Object } current ? JsonObject.Create(current.Clone())! : [];
        loadBalancer["strategy"] = written is "failover" ? "priority" : written.Replace('-', '_');
        var changed = await api.ChangeAsync(HttpMethod.Put, Routing, change.Body(parsed, new JsonObject { ["loadBalancer"] = loadBalancer }), version: null, cancellationToken);
        foreach (var drained in (await ListAsync(api, cancellationToken)).Where(upstream => ApiColumn.Find(upstream, "drained") is { ValueKind: JsonValueKind.True }))
        {
            await PostAsync(parsed, api, IdOf(drained), "resume", cancellationToken);
        }

        return await change.SayAsync(parsed, changed, $"Requests are spread over all upstreams: {loadBalancer["strategy"]}.");
    }

    private async Task<int> ShowAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var known = await api.GetAsync(Upstreams, cancellationToken);
        await change.SayAsync(parsed, known, StrategyOf(await api.GetAsync(Routing, cancellationToken)));
        if (!parsed.GetValue(change.Json))
        {
            Terminal.On(parsed.InvocationConfiguration.Output).Write(ApiColumn.Table(Columns, ApiColumn.Items(known, "upstreams")));
        }

        return Exit.Ok;
    }

    private async Task<int> RemoveAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var removed = Find(await ListAsync(api, cancellationToken), parsed.GetValue(name)!);
        if (await change.ConfirmAsync(parsed, $"Remove the upstream {removed}?", cancellationToken) is { } stopped)
        {
            return stopped;
        }

        var answer = await api.ChangeAsync(HttpMethod.Delete, $"{Upstreams}/{ChangeOptions.Escape(removed)}{change.Query(parsed)}", body: null, version: null, cancellationToken);
        return await change.SayAsync(parsed, answer, $"{removed} is removed.");
    }

    private async Task<int> ClearAsync(ParseResult parsed, OperatorApi api, CancellationToken cancellationToken)
    {
        var known = await ListAsync(api, cancellationToken);
        foreach (var upstream in known)
        {
            await PostAsync(parsed, api, IdOf(upstream), "reset", cancellationToken);
        }

        return await change.SayAsync(parsed, JsonElement.Parse("null"), $"Every upstream is used again: {string.Join(", ", known.Select(IdOf))}");
    }

    private Task<JsonElement> PostAsync(ParseResult parsed, OperatorApi api, string id, string verb, CancellationToken cancellationToken) =>
        api.ChangeAsync(HttpMethod.Post, $"{Upstreams}/{ChangeOptions.Escape(id)}/{verb}", change.Body(parsed, []), version: null, cancellationToken);

    private static async Task<List<JsonElement>> ListAsync(OperatorApi api, CancellationToken cancellationToken) =>
        [.. ApiColumn.Items(await api.GetAsync(Upstreams, cancellationToken), "upstreams")];

    private static string Find(List<JsonElement> known, string written)
    {
        var place = int.TryParse(written, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number < known.Count ? number : -1;
        var byId = known.FindIndex(upstream => IdOf(upstream) == written);
        var byName = known.FindIndex(upstream => string.Equals(ApiColumn.Written(ApiColumn.Find(upstream, "name")), written, StringComparison.OrdinalIgnoreCase));
        return byId >= 0 ? written
            : byName >= 0 ? IdOf(known[byName])
            : place >= 0 ? IdOf(known[place])
            : throw new CommandFailedException($"There is no upstream \"{written}\"; there are: {string.Join(", ", known.Select(IdOf))}");
    }

    private static string IdOf(JsonElement upstream) => ApiColumn.Written(ApiColumn.Find(upstream, "id"));

    private static string StrategyOf(JsonElement routing) => $"strategy {ApiColumn.Written(ApiColumn.Find(routing, "loadBalancer.strategy"))}";
}
