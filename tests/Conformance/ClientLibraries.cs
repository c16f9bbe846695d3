using System.Collections.Concurrent;
using CCGate.Tests.Infrastructure;
using CCGate.Tests.Infrastructure.Models;

namespace CCGate.Tests.Conformance;

/// <summary>A client library as <c>tests/Clients</c> runs it.</summary>
/// <param name="Script">The file that runs it.</param>
/// <param name="Speaks">Its protocol, by the upstream's word for it.</param>
/// <param name="Surface">The path of the gateway that speaks it.</param>
internal sealed record ClientLibrary(string Name, string Script, string Speaks, string Surface);

/// <summary>The client libraries and the models they are tried with, and the running scripts, shared by the tests of a class.</summary>
public sealed class ClientLibraries : IAsyncLifetime
{
    private static readonly IReadOnlyList<ClientLibrary> Libraries =
    [
        new("anthropic", "anthropic.mjs", "anthropic", "/anthropic"),
        new("openai-chat", "openai.mjs", "openai", "/openai"),
        new("openai-responses", "openai.mjs", "openai-responses", "/openai"),
        new("google", "google.mjs", "gemini", "/gemini"),
        new("vercel-anthropic", "vercel.mjs", "anthropic", "/anthropic"),
        new("vercel-openai-chat", "vercel.mjs", "openai", "/openai"),
        new("vercel-openai-responses", "vercel.mjs", "openai-responses", "/openai"),
        new("vercel-google", "vercel.mjs", "gemini", "/gemini"),
    ];

    private static readonly IReadOnlyList<IModelProtocol> Protocols = [new AnthropicModel(), new ChatModel(), new ResponsesModel(), new GeminiModel()];

    private readonly ConcurrentDictionary<string, NodeClient> scripts = new();
    private readonly Dictionary<string, ModelGateway> gateways = [];

    /// <summary>Which client is tried with which kind of upstream, each without streaming and with.</summary>
    public static TheoryData<string, string, bool> Pairs
    {
        get
        {
            var pairs = new TheoryData<string, string, bool>();
            foreach (var (library, kind) in Tried)
            {
                pairs.Add(library.Name, kind, false);
                pairs.Add(library.Name, kind, true);
            }

            return pairs;
        }
    }

    public static TheoryData<string, string> StreamingPairs
    {
        get
        {
            var pairs = new TheoryData<string, string>();
            foreach (var (library, kind) in Tried)
            {
                pairs.Add(library.Name, kind);
            }

            return pairs;
        }
    }

    private static IEnumerable<(ClientLibrary Library, string Kind)> Tried =>
        Libraries.SelectMany(library => Kinds.Select(kind => (library, kind)));

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        foreach (var script in scripts.Values)
        {
            script.Dispose();
        }

        foreach (var gateway in gateways.Values)
        {
            await gateway.DisposeAsync();
        }
    }

    /// <summary>The kinds of upstreams that clients are tried with.</summary>
    internal static IEnumerable<string> Kinds => Protocols.Select(protocol => protocol.Kind);

    internal static ClientLibrary Library(string name) => Libraries.Single(library => library.Name == name);

    internal static IModelProtocol Protocol(string kind) => Protocols.Single(protocol => protocol.Kind == kind);

    /// <summary>What clients ask for.</summary>
    internal static IEnumerable<string> ModelNames => Protocols.Select(protocol => protocol.Model);

    /// <summary>A run over a gateway that all tests of the class share, for starting one takes longer than a test. The tests of a class run one by one.</summary>
    internal async Task<ClientRun> RunAsync(string client, string kind, Func<ModelRequest, ModelAnswer> script)
    {
        if (!gateways.TryGetValue(kind, out var gateway))
        {
            gateways.Add(kind, gateway = await ModelGateway.StartAsync(kind));
        }

        return Run(client, gateway, script);
    }

    /// <summary>A run over a gateway of its own, which may be left with a bad opinion of its upstream.</summary>
    internal ClientRun Run(string client, ModelGateway gateway, Func<ModelRequest, ModelAnswer> script)
    {
        gateway.Begin(script);
        var library = Library(client);
        return new ClientRun(scripts.GetOrAdd(library.Script, NodeClient.Start), library, gateway);
    }
}
