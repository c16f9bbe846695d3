using System.Collections.Immutable;
using System.Text.Json;
using CCGate.Contracts;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;

namespace CCGate.Hosting.Administration;

/// <summary>The upstreams that operators declared at run time, the orders they gave, and how requests are spread.</summary>
internal sealed record UpstreamFacts
{
    public static readonly UpstreamFacts None = new();

    /// <summary>By id, those that were not removed; their secrets are sealed.</summary>
    public ImmutableSortedDictionary<string, Declaration> Declared { get; private init; } = ImmutableSortedDictionary.Create<string, Declaration>(StringComparer.Ordinal);

    /// <summary>Those that were drained and not resumed, from the files or declared.</summary>
    public ImmutableHashSet<string> Drained { get; private init; } = ImmutableHashSet.Create<string>(StringComparer.Ordinal);

    /// <summary>The last change of how requests are spread; null while the files alone decide.</summary>
    public RoutingFacts? Routing { get; private init; }

    /// <summary>What is declared, read when it was, since the facts are laid over the files whenever anything changes.</summary>
    private ImmutableSortedDictionary<string, UpstreamConfig> read { get; init; } = ImmutableSortedDictionary.Create<string, UpstreamConfig>(StringComparer.Ordinal);

    /// <summary>The position of the last change of, or order to, each, those that were removed included.</summary>
    private ImmutableDictionary<string, long> versions { get; init; } = ImmutableDictionary.Create<string, long>(StringComparer.Ordinal);

    /// <summary>The last order to reset of each.</summary>
    private ImmutableDictionary<string, long> resets { get; init; } = ImmutableDictionary.Create<string, long>(StringComparer.Ordinal);

    /// <summary>The position of the last change of, or order to, an upstream; 0 when there was none.</summary>
    public long VersionOf(string upstreamId) => versions.GetValueOrDefault(upstreamId);

    /// <summary>The facts with one more.</summary>
    /// <exception cref="JsonException">The event cannot be read.</exception>
    public UpstreamFacts With(long position, string type, string data) => type switch
    {
        EventTypes.UpstreamChanged when JsonSerializer.Deserialize(data, ContractsJson.Default.UpstreamChanged)! is var changed =>
            With(position, changed) with { versions = versions.SetItem(changed.UpstreamId, position) },
        EventTypes.UpstreamOrdered when JsonSerializer.Deserialize(data, ContractsJson.Default.UpstreamOrdered)! is var ordered =>
            With(position, ordered) with { versions = versions.SetItem(ordered.UpstreamId, position) },
        EventTypes.RoutingChanged => this with { Routing = RoutingFacts.Of(position, JsonSerializer.Deserialize(data, ContractsJson.Default.RoutingChanged)!) },
        _ => this,
    };

    /// <summary>The snapshot with these upstreams. A file's come first, and before what is declared under the same id.</summary>
    public GatewayConfig Over(GatewayConfig files, Func<SecretBox>? secrets)
    {
        if (ReferenceEquals(this, None))
        {
            return files;
        }

        var ids = files.Upstreams.Select(upstream => upstream.Id).ToHashSet(StringComparer.Ordinal);
        var declared = read.Values.Where(upstream => !ids.Contains(upstream.Id)).Select(upstream => UpstreamSecrets.Open(upstream, secrets));
        return files with
        {
            Upstreams = [.. files.Upstreams.Concat(declared).Select(Ordered)],
            LoadBalancer = Routing?.LoadBalancer ?? files.LoadBalancer,
            OpenAi = Routing?.OpenAi ?? files.OpenAi,
        };
    }

    private UpstreamFacts With(long position, UpstreamChanged changed) => changed.Document is { } document
        ? this with
        {
            Declared = Declared.SetItem(changed.UpstreamId, new Declaration(position, document, changed.By, changed.At)),
            read = read.SetItem(changed.UpstreamId, Read(position, changed.UpstreamId, document)),
        }
        : this with
        {
            Declared = Declared.Remove(changed.UpstreamId),
            read = read.Remove(changed.UpstreamId),
            Drained = Drained.Remove(changed.UpstreamId), // One of that name that comes later is another one.
            resets = resets.Remove(changed.UpstreamId),
        };

    private UpstreamFacts With(long position, UpstreamOrdered ordered) => ordered.Order switch
    {
        UpstreamOrder.Drain => this with { Drained = Drained.Add(ordered.UpstreamId) },
        UpstreamOrder.Resume => this with { Drained = Drained.Remove(ordered.UpstreamId) },
        UpstreamOrder.Reset => this with { resets = resets.SetItem(ordered.UpstreamId, position) },
        _ => this,
    };

    /// <summary>It was good for the version that took it; what this one does not understand must not stop everything else.</summary>
    private static UpstreamConfig Read(long position, string id, JsonElement document)
    {
        var problems = new List<ConfigProblem>();
        var upstream = UpstreamsFile.ReadUpstream(new ConfigNode(document, EventRecord.UpstreamStream(id), "$", problems, isLiteral: true), directory: null);
        var fault = problems.Find(problem => !problem.IsWarning)?.ToString() ?? (upstream?.Id == id ? null : "its document has another id");
        return (upstream ?? new UpstreamConfig { Id = id }) with { Id = id, Version = position, Fault = fault, Enabled = fault is null && upstream!.Enabled };
    }

    private UpstreamConfig Ordered(UpstreamConfig upstream) => Drained.Contains(upstream.Id) || resets.ContainsKey(upstream.Id)
        ? upstream with { Drained = Drained.Contains(upstream.Id), ResetAt = resets.GetValueOrDefault(upstream.Id) }
        : upstream;
}

/// <summary>How requests are spread and what model names mean, as an operator last changed it.</summary>
/// <param name="Version">The position of that change.</param>
/// <param name="Change">What was stored.</param>
/// <param name="LoadBalancer">Null for the file's.</param>
/// <param name="OpenAi">Null for the file's.</param>
internal sealed record RoutingFacts(long Version, RoutingChanged Change, LoadBalancerConfig? LoadBalancer, OpenAiConfig? OpenAi)
{
    public static RoutingFacts Of(long position, RoutingChanged changed) => new(
        position,
        changed,
        changed.LoadBalancer is { ValueKind: JsonValueKind.Object } balancer ? UpstreamsFile.ReadLoadBalancer(Node(balancer, "loadBalancer")) : null,
        changed.OpenAi is { ValueKind: JsonValueKind.Object } openAi ? ServerFile.ReadOpenAi(Node(openAi, "openai")) : null);

    private static ConfigNode Node(JsonElement section, string name) => new(section, EventRecord.RoutingStream, "$." + name, [], isLiteral: true);
}
