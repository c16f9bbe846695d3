using CCGate.Hosting.Configuration;
using CCGate.Proxy.Translation.Anthropic;
using CCGate.Proxy.Translation.Gemini;
using CCGate.Proxy.Translation.OpenAiChat;
using CCGate.Proxy.Translation.OpenAiResponses;

namespace CCGate.Proxy.Translation;

/// <summary>Which protocol a kind of upstream speaks. The simulator speaks Anthropic's.</summary>
internal static class Protocols
{
    public static IProtocol Of(UpstreamKind kind) => kind switch
    {
        UpstreamKind.OpenAi => OpenAiChatProtocol.Instance,
        UpstreamKind.OpenAiResponses => OpenAiResponsesProtocol.Instance,
        UpstreamKind.Gemini => GeminiProtocol.Instance,
        _ => AnthropicProtocol.Instance,
    };
}
