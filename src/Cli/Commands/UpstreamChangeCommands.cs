using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Projections;
using CCGate.Projections.Upstreams;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate upstreams add</c>, <c>update</c>, <c>remove</c>, <c>drain</c> and <c>resume</c>: changes that every proxy follows while it runs.</summary>
internal sealed class UpstreamChangeCommands
{
    private const string NoUrl = "-";

    private readonly StoreOptions options;
    private readonly UpstreamStore store;
    private readonly Argument<string> id = new("NAME") { Description = "The upstream's id." };
    private readonly Option<string?> key = new("--key") { Description = "The key; whoever lists the processes of this machine sees it, so prefer --key-stdin." };
    private readonly Option<bool> keyStdin = new("--key-stdin") { Description = "Read the key from standard input, one line." };
    private readonly Option<int?> weight = new("--weight") { Description = "Its share of the requests, 100 by default." };
    private readonly Option<string[]> models = new("--models") { Description = "Patterns of the models it serves.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string[]> groups = new("--groups") { Description = "The groups of tenants it serves.", AllowMultipleArgumentsPerToken = true };
    private readonly Option<string?> reason = new("--reason") { Description = "Why; kept in the event." };
    private readonly Option<bool> json = new("--json") { Description = "Print JSON as /api/upstreams answers it." };

    private UpstreamChangeCommands(StoreOptions options)
    {
        this.options = options;
        store = new UpstreamStore(options);
    }

    public static IEnumerable<Command> Create(StoreOptions options)
    {
        var commands = new UpstreamChangeCommands(options);
        return
        [
            commands.Add(), commands.Update(), commands.Remove(),
            commands.Order("drain", "Give an upstream no new requests on any proxy; those in flight end.", UpstreamOrder.Drain, "gets no new requests"),
            commands.Order("resume", "Give a drained upstream requests again.", UpstreamOrder.Resume, "gets requests again"),
        ];
    }

    private Command Add()
    {
        var url = new Argument<string>("URL") { Description = $"Its address; {NoUrl} for a simulator." };
        var kind = new Argument<string>("KIND") { Description = "anthropic, openai, openai-responses, gemini or simulator." };
        var command = With(new Command("add", "Declare an upstream, in force on every proxy within a second.") { id, url, kind, key, keyStdin, weight, models, groups });
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
        {
            var document = await MembersAsync(parsed, cancellationToken);
            document["id"] = parsed.GetValue(id);
            document["kind"] = parsed.GetValue(kind);
            if (parsed.GetValue(url) is { } address and not NoUrl)
            {
                document["url"] = address;
            }

            return await SayAsync(parsed, await store.CreateAsync(parsed, document, parsed.GetValue(reason), cancellationToken), "is declared");
        }));
        return command;
    }

    private Command Update()
    {
        var url = new Option<string?>("--to") { Description = "Its new address." };
        var enabled = new Option<bool?>("--enabled") { Description = "Whether it is used at all." };
        var command = With(new Command("update", "Change a declared upstream; what is not given stays.") { id, url, enabled, key, keyStdin, weight, models, groups });
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
        {
            var members = await MembersAsync(parsed, cancellationToken);
            if (parsed.GetValue(url) is { } address)
            {
                members["url"] = address;
            }

            if (parsed.GetValue(enabled) is { } isEnabled)
            {
                members["enabled"] = isEnabled;
            }

            return members.Count == 0
                ? throw new CommandFailedException("There is nothing to change: give --to, --key-stdin, --weight, --models, --groups or --enabled.")
                : await SayAsync(parsed, await store.UpdateAsync(parsed, parsed.GetValue(id)!, members, parsed.GetValue(reason), cancellationToken), "is changed");
        }));
        return command;
    }

    private Command Remove()
    {
        var yes = new Option<bool>("--yes") { Description = "Do not ask." };
        var command = new Command("remove", "Remove a declared upstream; requests in flight end.") { id, yes, reason, options.Config, options.Data, options.Url };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
        {
            var name = parsed.GetValue(id)!;
            if (!parsed.GetValue(yes) && !await ConfirmAsync(parsed, $"Remove the upstream {name} from every proxy? Its keys are gone then. [y/N] ", cancellationToken))
            {
                throw new CommandFailedException("Nothing was removed. Say --yes to remove it.");
            }

            await store.RemoveAsync(parsed, name, parsed.GetValue(reason), cancellationToken);
            await parsed.InvocationConfiguration.Output.WriteLineAsync($"{name} is removed.");
            return Exit.Ok;
        }));
        return command;
    }

    private Command Order(string name, string description, UpstreamOrder order, string said)
    {
        var command = With(new Command(name, description) { id });
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, async () =>
            await SayAsync(parsed, await store.OrderAsync(parsed, parsed.GetValue(id)!, order, parsed.GetValue(reason), cancellationToken), said)));
        return command;
    }

    private Command With(Command command)
    {
        foreach (var option in (Option[])[reason, json, options.Config, options.Data, options.Url])
        {
            command.Options.Add(option);
        }

        return command;
    }

    private async Task<JsonObject> MembersAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var members = new JsonObject();
        if (await KeyAsync(parsed, cancellationToken) is { } secret)
        {
            members["key"] = secret;
        }

        if (parsed.GetValue(weight) is { } share)
        {
            members["weight"] = share;
        }

        foreach (var (name, option) in ((string, Option<string[]>)[])[("models", models), ("groups", groups)])
        {
            if (parsed.GetValue(option) is { Length: > 0 } values)
            {
                members[name] = new JsonArray([.. values.Select(value => (JsonNode)value)]);
            }
        }

        return members;
    }

    private async Task<string?> KeyAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        if (!parsed.GetValue(keyStdin))
        {
            return parsed.GetValue(key);
        }

        return (await Console.In.ReadLineAsync(cancellationToken))?.Trim() is { Length: > 0 } line ? line : throw new CommandFailedException("--key-stdin: there is no line on standard input.");
    }

    private static async Task<bool> ConfirmAsync(ParseResult parsed, string question, CancellationToken cancellationToken)
    {
        if (!Terminal.IsInteractive(parsed.InvocationConfiguration.Output) || Console.IsInputRedirected)
        {
            return false;
        }

        await parsed.InvocationConfiguration.Output.WriteAsync(question);
        return (await Console.In.ReadLineAsync(cancellationToken))?.Trim() is "y" or "Y" or "yes";
    }

    private async Task<int> SayAsync(ParseResult parsed, DeclaredUpstream upstream, string said)
    {
        await parsed.InvocationConfiguration.Output.WriteLineAsync(
            parsed.GetValue(json) ? JsonSerializer.Serialize(upstream, ProjectionsJson.Default.DeclaredUpstream) : $"{upstream.Id} {said}.");
        return Exit.Ok;
    }
}
