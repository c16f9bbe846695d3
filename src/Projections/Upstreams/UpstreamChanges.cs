using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using CCGate.Hosting.Administration;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;
using CCGate.Hosting.Storage;
using CCGate.Metering;
using CCGate.Projections.Administration;
using CCGate.Projections.Engine;

namespace CCGate.Projections.Upstreams;

/// <summary>Who changes something, why, and on what ground.</summary>
/// <param name="By">Who.</param>
/// <param name="Reason">Null when nobody said.</param>
/// <param name="Version">What it must be the change of; null for whatever there is.</param>
internal sealed record ChangeAuthor(string By, string? Reason, long? Version = null);

/// <summary>An upstream as an operator declared it, without its secrets.</summary>
internal sealed record DeclaredUpstream
{
    public required string Id { get; init; }

    public string Origin { get; init; } = "";

    public long? Version { get; init; }

    public bool Drained { get; init; }

    /// <summary>The ends of its keys.</summary>
    public IReadOnlyList<string> KeyHints { get; init; } = [];

    public JsonElement? Document { get; init; }

    /// <summary>Why this process could not use it.</summary>
    public string? Fault { get; init; }
}

/// <summary>How requests are spread and what model names mean, as it is in force.</summary>
internal sealed record RoutingDeclaration(string Origin, long? Version, JsonElement LoadBalancer, [property: System.Text.Json.Serialization.JsonPropertyName("openai")] JsonElement OpenAi);

/// <summary>Why a change is not made.</summary>
internal enum ChangeRefusal
{
    Invalid,
    Unknown,
    Conflict,
    Outdated,
}

/// <summary>A change of upstreams or routing that cannot be made; the message says why.</summary>
internal sealed class UpstreamChangeRefusedException(ChangeRefusal refusal, string message, IDictionary<string, string[]>? errors = null) : Exception(message)
{
    public ChangeRefusal Refusal => refusal;

    /// <summary>By JSON path.</summary>
    public IDictionary<string, string[]> Errors => errors ?? new Dictionary<string, string[]>();
}

/// <summary>Declares upstreams, gives orders about them and changes the routing. Each change is an event; every process puts it into force when it has read it.</summary>
internal sealed class UpstreamChanges(Database database, EventIntake intake, ProjectionRound round, Func<SecretBox> secrets, TimeProvider time) : IDisposable
{
    /// <summary>All of them are in the memory of every proxy, and gone through for every request.</summary>
    private const int MaxDeclared = 1000;

    private const int MaxReason = 1000;

    // Two changes at a time would both find the version that only one of them is based on.
    private readonly SemaphoreSlim turn = new(1, 1);

    /// <summary>Everything that was changed until now.</summary>
    public AdministrationFacts Facts { get; private set; } = AdministrationFacts.None;

    public Task<DeclaredUpstream> CreateAsync(JsonElement document, ChangeAuthor author, GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(async () =>
    {
        var whole = Read(document, id: null, before: null, author);
        var id = (string)whole["id"]!;
        if (IsOfFile(files, id) || Facts.Upstreams.Declared.ContainsKey(id))
        {
            throw Refuse(ChangeRefusal.Conflict, $"There is an upstream \"{id}\" already{(IsOfFile(files, id) ? $" in {UpstreamsFile.Name}" : "")}.");
        }

        if (Facts.Upstreams.Declared.Count >= MaxDeclared)
        {
            throw Refuse(ChangeRefusal.Conflict, string.Create(CultureInfo.InvariantCulture, $"There are {MaxDeclared} declared upstreams, and no more can be: remove one."));
        }

        await AppendAsync(id, DeclarationChange.Created, Sealed(whole, id, files), author, cancellationToken);
        return Describe(id, files);
    }, cancellationToken);

    /// <summary>Replaces the document; a secret that is left out stays.</summary>
    public Task<DeclaredUpstream> UpdateAsync(string id, JsonElement document, ChangeAuthor author, GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(async () =>
    {
        var before = Find(id, author, files);
        await AppendAsync(id, DeclarationChange.Updated, Sealed(Read(document, id, before.Document, author), id, files), author, cancellationToken);
        return Describe(id, files);
    }, cancellationToken);

    /// <summary>One as it is declared now, in the files or by an operator.</summary>
    public Task<DeclaredUpstream> FindAsync(string id, GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(
        () => IsOfFile(files, id) || Facts.Upstreams.Declared.ContainsKey(id) ? Task.FromResult(Describe(id, files)) : throw Refuse(ChangeRefusal.Unknown, NoSuch(id)), cancellationToken);

    /// <summary>All that is in force, declared upstreams and orders included.</summary>
    public Task<GatewayConfig> ReadAsync(GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(() => Task.FromResult(Facts.Over(files, secrets)), cancellationToken);

    public Task RemoveAsync(string id, ChangeAuthor author, GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(async () =>
    {
        Find(id, author, files);
        CheckReason(author);
        await AppendAsync(id, DeclarationChange.Removed, document: null, author, cancellationToken);
        return true;
    }, cancellationToken);

    public Task<DeclaredUpstream> OrderAsync(string id, UpstreamOrder order, ChangeAuthor author, GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(async () =>
    {
        CheckReason(author);
        if (!IsOfFile(files, id) && !Facts.Upstreams.Declared.ContainsKey(id))
        {
            throw Refuse(ChangeRefusal.Unknown, NoSuch(id));
        }

        // To drain what is drained is no news; a circuit may be open again.
        if (order == UpstreamOrder.Reset || Facts.Upstreams.Drained.Contains(id) != (order == UpstreamOrder.Drain))
        {
            var ordered = new UpstreamOrdered { EventId = Guid.CreateVersion7(time.GetUtcNow()), UpstreamId = id, Order = order, Reason = author.Reason, By = author.By, At = time.GetUtcNow() };
            await AppendAsync(EventRecord.From(ordered), cancellationToken);
        }

        return Describe(id, files);
    }, cancellationToken);

    public Task<RoutingDeclaration> RoutingAsync(GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(() => Task.FromResult(DescribeRouting(files)), cancellationToken);

    /// <summary>Changes the sections that are given: an object replaces one, JSON's null goes back to the file's.</summary>
    public Task<RoutingDeclaration> RouteAsync(JsonElement? loadBalancer, JsonElement? openAi, ChangeAuthor author, GatewayConfig files, CancellationToken cancellationToken) => TurnAsync(async () =>
    {
        CheckReason(author);
        CheckVersion(author, Facts.Upstreams.Routing?.Version ?? 0, "routing");
        var errors = new Dictionary<string, string[]>();
        Check(loadBalancer, "$.loadBalancer", node => UpstreamsFile.ReadLoadBalancer(node), errors);
        Check(openAi, "$.openai", node => ServerFile.ReadOpenAi(node), errors);
        if (errors.Count > 0)
        {
            throw new UpstreamChangeRefusedException(ChangeRefusal.Invalid, "The routing is not good.", errors);
        }

        var before = Facts.Upstreams.Routing?.Change;
        var changed = new RoutingChanged
        {
            EventId = Guid.CreateVersion7(time.GetUtcNow()),
            LoadBalancer = Section(loadBalancer, before?.LoadBalancer),
            OpenAi = Section(openAi, before?.OpenAi),
            Reason = author.Reason,
            By = author.By,
            At = time.GetUtcNow(),
        };
        await AppendAsync(EventRecord.From(changed), cancellationToken);
        return DescribeRouting(files);
    }, cancellationToken);

    public void Dispose() => turn.Dispose();

    private static void Check(JsonElement? section, string path, Action<ConfigNode> read, Dictionary<string, string[]> errors)
    {
        if (section is { ValueKind: not JsonValueKind.Null } given)
        {
            UpstreamDocument.Check(given, path, read, errors);
        }
    }

    private static JsonElement? Section(JsonElement? given, JsonElement? before) => given is null ? before : given.Value.ValueKind == JsonValueKind.Null ? null : given;

    private async Task<T> TurnAsync<T>(Func<Task<T>> change, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken);
        try
        {
            await ReadFactsAsync(cancellationToken);
            return await change();
        }
        finally
        {
            turn.Release();
        }
    }

    private async Task ReadFactsAsync(CancellationToken cancellationToken)
    {
        // The table may be a moment behind the ledger, and an operator expects to find what was changed just now.
        await round.CatchUpAsync(new AdministrationProjection(), cancellationToken);
        Facts = await AdministrationTable.ReadAsync(database, Facts, cancellationToken);
    }

    private Task AppendAsync(string id, DeclarationChange change, JsonElement? document, ChangeAuthor author, CancellationToken cancellationToken) => AppendAsync(
        EventRecord.From(new UpstreamChanged
        {
            EventId = Guid.CreateVersion7(time.GetUtcNow()),
            UpstreamId = id,
            Change = change,
            Document = document,
            Reason = author.Reason,
            By = author.By,
            At = time.GetUtcNow(),
        }),
        cancellationToken);

    private async Task AppendAsync(EventRecord record, CancellationToken cancellationToken)
    {
        await intake.AddAsync(record, cancellationToken);
        await ReadFactsAsync(cancellationToken);
    }

    private Declaration Find(string id, ChangeAuthor author, GatewayConfig files)
    {
        if (IsOfFile(files, id))
        {
            throw Refuse(ChangeRefusal.Conflict, $"The upstream \"{id}\" is in {UpstreamsFile.Name}: change it there. It can be drained, resumed, reset and tested here.");
        }

        var found = Facts.Upstreams.Declared.GetValueOrDefault(id) ?? throw Refuse(ChangeRefusal.Unknown, NoSuch(id));
        CheckVersion(author, found.Version, $"upstream \"{id}\"");
        return found;
    }

    private static JsonObject Read(JsonElement document, string? id, JsonElement? before, ChangeAuthor author)
    {
        CheckReason(author);
        var errors = new Dictionary<string, string[]>();
        return UpstreamDocument.Read(document, id, before, errors) ?? throw new UpstreamChangeRefusedException(
            ChangeRefusal.Invalid, string.Join('\n', errors.Select(error => $"{error.Key}: {string.Join(' ', error.Value)}")), errors);
    }

    private JsonElement Sealed(JsonObject whole, string id, GatewayConfig files)
    {
        if (files is { EventStore: not null, SecretsKey: null })
        {
            // Each process would have a key of its own, and no proxy could open what this one sealed.
            throw Refuse(ChangeRefusal.Conflict, $"Set secretsKey in {ServerFile.Name}, the same in every process, and start them again: it seals the secrets of upstreams.");
        }

        return UpstreamSecrets.Seal(whole, id, secrets());
    }

    private static void CheckReason(ChangeAuthor author)
    {
        if (author.Reason is { Length: > MaxReason })
        {
            throw new UpstreamChangeRefusedException(ChangeRefusal.Invalid, "The reason is too long.", new Dictionary<string, string[]>
            {
                ["$.reason"] = [string.Create(CultureInfo.InvariantCulture, $"is longer than {MaxReason} characters")],
            });
        }
    }

    private static void CheckVersion(ChangeAuthor author, long version, string what)
    {
        if (author.Version is { } expected && expected != version)
        {
            throw Refuse(ChangeRefusal.Outdated, string.Create(CultureInfo.InvariantCulture, $"The {what} was changed meanwhile: its version is {version}, not {expected}. Read it again."));
        }
    }

    private DeclaredUpstream Describe(string id, GatewayConfig files)
    {
        var upstream = Facts.Over(files, secrets).Upstreams.First(upstream => upstream.Id == id);
        return new DeclaredUpstream
        {
            Id = id,
            Origin = upstream.Origin,
            Version = upstream.Version,
            Drained = upstream.Drained,
            KeyHints = upstream.Version is null ? [] : UpstreamSecrets.KeyHints(Facts.Upstreams.Declared[id].Document),
            Document = upstream.Document,
            Fault = upstream.Fault,
        };
    }

    private RoutingDeclaration DescribeRouting(GatewayConfig files)
    {
        var (config, routing) = (Facts.Over(files), Facts.Upstreams.Routing);
        var isChanged = routing is { LoadBalancer: not null } or { OpenAi: not null };
        return new RoutingDeclaration(isChanged ? "operator" : "file", routing?.Version, RoutingDocument.Of(config.LoadBalancer), RoutingDocument.Of(config.OpenAi));
    }

    private static bool IsOfFile(GatewayConfig files, string id) => files.Upstreams.Any(upstream => upstream.Id == id);

    private static string NoSuch(string id) => $"There is no upstream \"{id}\".";

    private static UpstreamChangeRefusedException Refuse(ChangeRefusal refusal, string message) => new(refusal, message);
}
