using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Projections.Administration;

namespace CCGate.Projections.Upstreams;

/// <summary>An upstream as an operator declared it, without its secrets.</summary>
internal sealed record DeclaredUpstream
{
    public required string Id { get; init; }

    public ConfigOrigin Origin { get; init; }

    public long? Version { get; init; }

    public bool Drained { get; init; }

    /// <summary>The ends of its keys.</summary>
    public IReadOnlyList<string> KeyHints { get; init; } = [];

    public JsonElement? Document { get; init; }

    /// <summary>Why this process could not use it.</summary>
    public string? Fault { get; init; }
}

/// <summary>How requests are spread and what model names mean, as it is in force.</summary>
internal sealed record RoutingDeclaration(ConfigOrigin Origin, long? Version, JsonElement LoadBalancer, [property: JsonPropertyName("openai")] JsonElement OpenAi);

/// <summary>Declares upstreams, gives orders about them and changes the routing. Each change is an event; every process puts it into force when it has read it.</summary>
internal sealed class UpstreamChanges(OperatorChanges changes, ConfigSource config, Func<SecretBox> secrets, TimeProvider time)
{
    /// <summary>All of them are in the memory of every proxy, and gone through for every request.</summary>
    private const int MaxDeclared = 1000;

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<DeclaredUpstream> CreateAsync(ChangeRequest change, CancellationToken cancellationToken)
    {
        var facts = (await changes.ReadAsync(cancellationToken)).Upstreams;
        var whole = UpstreamDocument.Read(change, id: null, before: null);
        var id = (string)whole["id"]!;
        if (IsOfFile(id) || facts.Declared.ContainsKey(id))
        {
            throw ChangeRefusedException.Conflict($"There is an upstream \"{id}\" already{(IsOfFile(id) ? $" in {UpstreamsFile.Name}" : "")}.");
        }

        if (facts.Declared.Count >= MaxDeclared)
        {
            throw ChangeRefusedException.Conflict(string.Create(CultureInfo.InvariantCulture, $"There are {MaxDeclared} declared upstreams, and no more can be: remove one."));
        }

        await AppendAsync(facts, id, DeclarationChange.Created, Sealed(whole, id), change, cancellationToken);
        return Describe(id);
    }

    /// <summary>Replaces the document; a secret that is left out stays.</summary>
    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<DeclaredUpstream> UpdateAsync(string id, ChangeRequest change, CancellationToken cancellationToken)
    {
        var facts = (await changes.ReadAsync(cancellationToken)).Upstreams;
        var whole = UpstreamDocument.Read(change, id, Find(id, facts, change).Document);
        await AppendAsync(facts, id, DeclarationChange.Updated, Sealed(whole, id), change, cancellationToken);
        return Describe(id);
    }

    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task RemoveAsync(string id, ChangeRequest change, CancellationToken cancellationToken)
    {
        var facts = (await changes.ReadAsync(cancellationToken)).Upstreams;
        Find(id, facts, change);
        change.Check();
        await AppendAsync(facts, id, DeclarationChange.Removed, document: null, change, cancellationToken);
    }

    /// <summary>One as it is in force, of either origin.</summary>
    /// <exception cref="ChangeRefusedException">There is none.</exception>
    public async Task<DeclaredUpstream> FindAsync(string id, CancellationToken cancellationToken) =>
        Exists(id, (await changes.ReadAsync(cancellationToken)).Upstreams) ? Describe(id) : throw NotFound(id);

    /// <exception cref="ChangeRefusedException">It cannot be given.</exception>
    public async Task<DeclaredUpstream> OrderAsync(string id, UpstreamOrder order, ChangeRequest change, CancellationToken cancellationToken)
    {
        change.Check();
        UpstreamOrdered ordered;
        do
        {
            var facts = (await changes.ReadAsync(cancellationToken)).Upstreams;
            if (!Exists(id, facts))
            {
                throw NotFound(id);
            }

            // To drain what is drained is no news; a circuit may be open again.
            if (order != UpstreamOrder.Reset && facts.Drained.Contains(id) == (order == UpstreamOrder.Drain))
            {
                break;
            }

            ordered = new UpstreamOrdered { EventId = IdOf(facts, id), UpstreamId = id, Order = order, Reason = change.Reason, By = change.By, At = time.GetUtcNow() };
        }
        while (!await changes.TryAppendAsync(EventRecord.From(ordered), cancellationToken)); // An order does not depend on what somebody else changed meanwhile.
        return Describe(id);
    }

    public async Task<RoutingDeclaration> RoutingAsync(CancellationToken cancellationToken)
    {
        await changes.ReadAsync(cancellationToken);
        return DescribeRouting();
    }

    /// <summary>Changes the sections that are given: an object replaces one, JSON's null goes back to the file's.</summary>
    /// <exception cref="ChangeRefusedException">It cannot be made.</exception>
    public async Task<RoutingDeclaration> RouteAsync(ChangeRequest change, CancellationToken cancellationToken)
    {
        var before = (await changes.ReadAsync(cancellationToken)).Upstreams.Routing;
        var version = before?.Version ?? 0;
        change.CheckVersion(version);
        var changed = new RoutingChanged
        {
            EventId = OperatorChanges.IdOf("routing", version),
            LoadBalancer = Section(change, "loadBalancer", node => UpstreamsFile.ReadLoadBalancer(node), before?.Change.LoadBalancer),
            OpenAi = Section(change, "openai", node => ServerFile.ReadOpenAi(node), before?.Change.OpenAi),
            Reason = change.Reason,
            By = change.By,
            At = time.GetUtcNow(),
        };
        change.Check();
        await changes.AppendAsync(EventRecord.From(changed), change, cancellationToken);
        return DescribeRouting();
    }

    private static JsonElement? Section(ChangeRequest change, string name, Action<ConfigNode> read, JsonElement? before)
    {
        if (change.Body.Object(name) is { } section)
        {
            UpstreamDocument.CheckStrings(section);
            read(section);
            return section.Element;
        }

        return change.Body.Element.TryGetProperty(name, out _) ? null : before;
    }

    private Task AppendAsync(UpstreamFacts facts, string id, DeclarationChange kind, JsonElement? document, ChangeRequest change, CancellationToken cancellationToken) => changes.AppendAsync(
        EventRecord.From(new UpstreamChanged
        {
            EventId = IdOf(facts, id),
            UpstreamId = id,
            Change = kind,
            Document = document,
            Reason = change.Reason,
            By = change.By,
            At = time.GetUtcNow(),
        }),
        change,
        cancellationToken);

    private Declaration Find(string id, UpstreamFacts facts, ChangeRequest change)
    {
        if (IsOfFile(id))
        {
            throw ChangeRefusedException.Conflict($"The upstream \"{id}\" is in {UpstreamsFile.Name}: change it there. It can be drained, resumed, reset and tested here.");
        }

        var found = facts.Declared.GetValueOrDefault(id) ?? throw NotFound(id);
        change.CheckVersion(found.Version);
        return found;
    }

    private JsonElement Sealed(JsonObject whole, string id)
    {
        if (config.Files is { EventStore: not null, SecretsKey: null })
        {
            // Each process would have a key of its own, and no proxy could open what this one sealed.
            throw ChangeRefusedException.Conflict($"Set secretsKey in {ServerFile.Name}, the same in every process, and start them again: it seals the secrets of upstreams.");
        }

        return UpstreamSecrets.Seal(whole, id, secrets());
    }

    private DeclaredUpstream Describe(string id)
    {
        var upstream = config.Current.Upstreams.FirstOrDefault(upstream => upstream.Id == id) ?? new UpstreamConfig { Id = id };
        return new DeclaredUpstream
        {
            Id = id,
            Origin = upstream.Origin,
            Version = upstream.Version,
            Drained = upstream.Drained,
            KeyHints = upstream.Version is not null && config.Facts.Upstreams.Declared.TryGetValue(id, out var declared) ? UpstreamSecrets.KeyHints(declared.Document) : [],
            Document = upstream.Document,
            Fault = upstream.Fault,
        };
    }

    private RoutingDeclaration DescribeRouting()
    {
        var (current, routing) = (config.Current, config.Facts.Upstreams.Routing);
        var isChanged = routing is { LoadBalancer: not null } or { OpenAi: not null };
        return new RoutingDeclaration(
            isChanged ? ConfigOrigin.Operator : ConfigOrigin.File, routing?.Version, RoutingDocument.Of(current.LoadBalancer), RoutingDocument.Of(current.OpenAi));
    }

    private static Guid IdOf(UpstreamFacts facts, string id) => OperatorChanges.IdOf($"upstream/{id}", facts.VersionOf(id));

    private bool Exists(string id, UpstreamFacts facts) => IsOfFile(id) || facts.Declared.ContainsKey(id);

    private bool IsOfFile(string id) => config.Files.Upstreams.Any(upstream => upstream.Id == id);

    private static ChangeRefusedException NotFound(string id) => ChangeRefusedException.NotFound($"There is no upstream \"{id}\".");
}
