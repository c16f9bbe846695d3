using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;
using CCGate.Hosting.Configuration;

namespace CCGate.Cli.Commands;

/// <summary><c>ccgate init</c>: writes a configuration that works, asking for what it needs when there is somebody to ask.</summary>
internal sealed class InitCommand
{
    private readonly StoreOptions options;
    private readonly Option<bool> yes = new("--yes") { Description = "Ask nothing: what no option says has its default." };
    private readonly Option<bool> force = new("--force") { Description = "Replace the files that are there." };
    private readonly Option<string[]> upstream = new("--upstream") { Description = "An upstream as NAME=URL, or NAME alone for the provider's own address; may be repeated. Without one: the providers whose keys are in the environment, else the simulator." };
    private readonly Option<string[]> kind = new("--kind") { Description = "The protocol of the upstream at the same place; anthropic unless its name is another kind." };
    private readonly Option<string[]> key = new("--key") { Description = "The key of the upstream at the same place; '${NAME}' keeps it in the environment." };
    private readonly Option<string> tenant = new("--tenant") { Description = "The first tenant's id.", DefaultValueFactory = _ => "me" };
    private readonly Option<decimal?> dailyUsd = new("--daily-usd") { Description = "What the tenant may spend in a day; no limit without it." };
    private readonly Option<string?> adminPassword = new("--admin-password") { Description = "The operator's password, kept as its SHA-256; '${NAME}' keeps it in the environment. One is made when there is none." };

    private InitCommand(StoreOptions options)
    {
        this.options = options;
        kind.AcceptOnlyFromAmong([.. InitUpstream.Kinds]);
    }

    public static Command Create(StoreOptions options)
    {
        var init = new InitCommand(options);
        var command = new Command("init", "Write a commented configuration that works at once: asks in a terminal, or takes options.")
        {
            init.yes, init.force, init.upstream, init.kind, init.key, init.tenant, init.dailyUsd, init.adminPassword, options.Config,
        };
        command.SetAction((parsed, cancellationToken) => Exit.GuardAsync(parsed, () => init.RunAsync(parsed, cancellationToken)));
        return command;
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var directory = parsed.GetValue(options.Config)!;
        var present = new ConfigDirectory(directory).Present();
        if (present.Count > 0 && !parsed.GetValue(force))
        {
            throw new CommandFailedException($"There is a configuration in {directory.FullName} ({string.Join(", ", present)}): nothing was written. --force replaces it, --config names another directory.");
        }

        var output = parsed.InvocationConfiguration.Output;
        var given = Given(parsed);
        var asks = !parsed.GetValue(yes) && Terminal.IsInteractive(output) && !Console.IsInputRedirected;
        var answers = asks ? await InitQuestions.AskAsync(Terminal.On(output), given, cancellationToken) : given;
        if (answers.Upstreams.Count == 0)
        {
            answers = answers with { Upstreams = InitUpstream.FromEnvironment(Environment.GetEnvironmentVariable) };
        }

        var files = InitFiles.Of(answers, Secret("ccgate-"), Secret(""));
        files.Check();
        files.Write(directory);
        foreach (var line in files.Next(directory, Path.GetRelativePath(".", directory.FullName) != "config"))
        {
            await output.WriteLineAsync(line);
        }

        return Exit.Ok;
    }

    private InitAnswers Given(ParseResult parsed)
    {
        var upstreams = parsed.GetValue(upstream) ?? [];
        var kinds = parsed.GetValue(kind) ?? [];
        var keys = parsed.GetValue(key) ?? [];
        if (kinds.Length > upstreams.Length || keys.Length > upstreams.Length)
        {
            throw new CommandFailedException("--kind and --key belong to the --upstream at the same place: there are more of them than upstreams.");
        }

        return new InitAnswers(
            [.. upstreams.Select((written, place) => InitUpstream.Parse(written, kinds.ElementAtOrDefault(place), keys.ElementAtOrDefault(place)))],
            parsed.GetValue(tenant)!,
            parsed.GetValue(dailyUsd),
            parsed.GetValue(adminPassword));
    }

    private static string Secret(string prefix) => prefix + RandomNumberGenerator.GetHexString(40, lowercase: true);
}

/// <summary>What a new configuration is made from.</summary>
internal sealed record InitAnswers(IReadOnlyList<InitUpstream> Upstreams, string Tenant, decimal? DailyUsd, string? AdminPassword);

/// <summary>An upstream of a new configuration.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Kind">Its protocol, as upstreams.json writes it.</param>
/// <param name="Url">Its address; null for the simulator.</param>
/// <param name="Key">Its key, or <c>${NAME}</c>; null when it needs none.</param>
internal sealed record InitUpstream(string Id, string Kind, string? Url, string? Key)
{
    public const string Simulator = "simulator";

    private static readonly (string Kind, string Url, string Variable)[] Providers =
    [
        ("anthropic", "https://api.anthropic.com", "ANTHROPIC_API_KEY"),
        ("openai", "https://api.openai.com", "OPENAI_API_KEY"),
        ("openai-responses", "https://api.openai.com", "OPENAI_API_KEY"),
        ("gemini", "https://generativelanguage.googleapis.com", "GEMINI_API_KEY"),
    ];

    public static IEnumerable<string> Kinds => [.. Providers.Select(provider => provider.Kind), Simulator];

    /// <summary>The variable where a provider's own tools look for its key.</summary>
    public static string? VariableOf(string kind) => Array.Find(Providers, provider => provider.Kind == kind).Variable;

    public static InitUpstream Parse(string written, string? kind, string? key)
    {
        var equals = written.IndexOf('=', StringComparison.Ordinal);
        var id = equals < 0 ? written : written[..equals];
        kind ??= Kinds.Contains(id) ? id : "anthropic";
        if (kind == Simulator)
        {
            return new InitUpstream(id, kind, Url: null, Key: null);
        }

        var provider = Array.Find(Providers, provider => provider.Kind == kind);
        return new InitUpstream(id, kind, equals < 0 ? provider.Url : written[(equals + 1)..], key ?? $"${{{provider.Variable}}}");
    }

    /// <summary>The providers whose keys are set; the simulator, which costs nothing, when none is.</summary>
    public static IReadOnlyList<InitUpstream> FromEnvironment(Func<string, string?> variable)
    {
        string[] kinds = ["anthropic", "openai-responses", "gemini"];
        var found = kinds.Where(kind => !string.IsNullOrEmpty(variable(VariableOf(kind)!))).Select(kind => Parse(kind.Split('-')[0], kind, key: null)).ToList();
        return found.Count > 0 ? found : [Parse(Simulator, kind: null, key: null)];
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Id} ({Kind})");
}
