using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CCGate.Hosting.Configuration;
using CCGate.Hosting.Secrets;

namespace CCGate.Proxy.Upstreams;

/// <summary>The smallest real request there is, in the protocol of each kind of upstream.</summary>
internal static class UpstreamTestRequest
{
    private const int MaxTokens = 16; // The least that every provider takes.
    private const string Prompt = "Say OK.";

    /// <summary>The model to ask for, and who chose it: the caller, the configuration, or nobody, and then a cheap one.</summary>
    public static (string Model, string From) ModelFor(UpstreamConfig upstream, string? asked)
    {
        var named = asked ?? upstream.Models.FirstOrDefault(model => !model.Contains('*', StringComparison.Ordinal));
        if (named is not null)
        {
            return (upstream.ModelMapping.Find(named) ?? named, asked is null ? "models" : "--model");
        }

        return upstream.ModelMapping.Entries.OrderBy(mapped => mapped.Key, StringComparer.Ordinal).FirstOrDefault() is { Value: { } known }
            ? (known, "modelMapping")
            : (CheapModel(upstream.Kind), "the default of its kind; --model names another");
    }

    public static string CheapModel(UpstreamKind kind) => kind switch
    {
        UpstreamKind.OpenAi or UpstreamKind.OpenAiResponses => "gpt-4.1-nano",
        UpstreamKind.Gemini => "gemini-2.5-flash-lite",
        _ => "claude-haiku-4-5",
    };

    public static HttpRequestMessage Build(UpstreamConfig upstream, string model, Secret? key)
    {
        var request = UpstreamRequest.Create(HttpMethod.Post, upstream, PathFor(upstream.Kind, model), key);
        request.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(BodyFor(upstream.Kind, model)));
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return request;
    }

    private static string PathFor(UpstreamKind kind, string model) => kind switch
    {
        UpstreamKind.OpenAi => "/v1/chat/completions",
        UpstreamKind.OpenAiResponses => "/v1/responses",
        UpstreamKind.Gemini => $"/v1beta/models/{Uri.EscapeDataString(model)}:generateContent",
        _ => "/v1/messages",
    };

    private static string BodyFor(UpstreamKind kind, string model)
    {
        var name = JsonEncodedText.Encode(model);
        return kind switch
        {
            UpstreamKind.OpenAi =>
                $$$"""{"model":"{{{name}}}","{{{LimitOf(model)}}}":{{{MaxTokens}}},"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"{{{Prompt}}}"}]}""",
            UpstreamKind.OpenAiResponses => $$"""{"model":"{{name}}","max_output_tokens":{{MaxTokens}},"stream":true,"input":"{{Prompt}}"}""",
            UpstreamKind.Gemini => $$$"""{"contents":[{"role":"user","parts":[{"text":"{{{Prompt}}}"}]}],"generationConfig":{"maxOutputTokens":{{{MaxTokens}}}}}""",
            _ => $$"""{"model":"{{name}}","max_tokens":{{MaxTokens}},"stream":true,"messages":[{"role":"user","content":"{{Prompt}}"}]}""",
        };
    }

    /// <summary>OpenAI's reasoning models refuse the old name, and most others know no new one.</summary>
    private static string LimitOf(string model) => model is ['o', >= '0' and <= '9', ..] || model is ['g', 'p', 't', '-', >= '5' and <= '9', ..] ? "max_completion_tokens" : "max_tokens";
}
