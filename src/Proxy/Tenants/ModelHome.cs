using CCGate.Contracts;
using CCGate.Hosting.Configuration;

namespace CCGate.Proxy.Tenants;

/// <summary>Whose a model is: upstreams of its maker's kind can be expected to serve it.</summary>
internal static class ModelHome
{
    private static readonly (string Prefix, UpstreamKind Kind)[] Prefixes =
    [
        ("claude", UpstreamKind.Anthropic), ("gemini", UpstreamKind.Gemini),
        ("gpt", UpstreamKind.OpenAi), ("o1", UpstreamKind.OpenAi), ("o3", UpstreamKind.OpenAi), ("o4", UpstreamKind.OpenAi), ("chatgpt", UpstreamKind.OpenAi), ("codex", UpstreamKind.OpenAi),
    ];

    /// <summary>The kind of its maker, which is <see cref="UpstreamKind.OpenAi"/> for both of OpenAI's; null when nobody knows.</summary>
    public static UpstreamKind? Of(string model, PriceBook prices, DateTimeOffset admittedAt) =>
        prices.Find(model, admittedAt)?.Provider is { } provider ? OfProvider(provider) : OfName(model);

    /// <summary>Both of OpenAI's kinds are at home with its models; the simulator plays Anthropic.</summary>
    public static UpstreamKind Of(UpstreamKind kind) => kind switch
    {
        UpstreamKind.OpenAiResponses => UpstreamKind.OpenAi,
        UpstreamKind.Simulator => UpstreamKind.Anthropic,
        _ => kind,
    };

    private static UpstreamKind? OfProvider(string provider) =>
        provider.Equals("anthropic", StringComparison.OrdinalIgnoreCase) ? UpstreamKind.Anthropic
        : provider.Equals("openai", StringComparison.OrdinalIgnoreCase) ? UpstreamKind.OpenAi
        : provider.Equals("gemini", StringComparison.OrdinalIgnoreCase) ? UpstreamKind.Gemini
        : null;

    private static UpstreamKind? OfName(string model)
    {
        foreach (var (prefix, kind) in Prefixes)
        {
            if (model.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
            {
                return kind;
            }
        }

        return null;
    }
}
