using System.Globalization;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>What a model's name tells about the parameters it takes.</summary>
/// <param name="IsOpenAi">OpenAI made it, which still leaves open who serves it.</param>
/// <param name="Version">Of its GPT; 0 for the <c>o</c> series and others.</param>
/// <param name="Reasons">It takes an effort.</param>
internal readonly record struct OpenAiChatModel(bool IsOpenAi, double Version, bool Reasons, bool IsServedByOpenAi)
{
    // The series that take max_completion_tokens alone: https://platform.openai.com/docs/guides/reasoning
    private const double FirstReasoningGpt = 5;

    // It and what came after it: https://platform.openai.com/docs/api-reference/chat/create#chat_create-reasoning_effort
    private const double FirstWithNoEffort = 5.1;
    private const double FirstWithHighestEffort = 5.2;

    /// <summary>It takes <c>max_completion_tokens</c> instead of <c>max_tokens</c>.</summary>
    public bool IsLate => Reasons || Version >= FirstReasoningGpt;

    /// <summary>Elsewhere a tool that takes text is a function with the one string <c>input</c>.</summary>
    public bool HasFreeFormTools => Version >= FirstReasoningGpt;

    public bool HasVerbosity => Version >= FirstReasoningGpt;

    /// <summary>Chat completions refuse tools together with reasoning, even with the effort it has by default: https://github.com/openai/openai-openapi/issues/541</summary>
    public bool ReasonsOnlyWithoutTools => IsServedByOpenAi && Reasons && Version >= FirstWithHighestEffort;

    public static OpenAiChatModel Of(string model)
    {
        var slash = model.LastIndexOf('/');
        var name = model.AsSpan(slash + 1);
        var isSeries = name.Length >= 2 && name[0] == 'o' && char.IsAsciiDigit(name[1]);
        var version = name.StartsWith("gpt-", StringComparison.OrdinalIgnoreCase) ? VersionIn(name[4..]) : 0;
        return new(isSeries || version > 0, version, isSeries || (version >= FirstReasoningGpt && !name.Contains("-chat", StringComparison.Ordinal)), slash < 0);
    }

    /// <summary>Models of others that want to read again what they thought: https://api-docs.deepseek.com/guides/thinking_mode</summary>
    public static bool ReadsReasoning(string model)
    {
        foreach (var name in (ReadOnlySpan<string>)["deepseek", "kimi", "glm", "qwen", "minimax"])
        {
            if (model.Contains(name, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The nearest effort that the model takes.</summary>
    public string Effort(string wanted) => wanted switch
    {
        "none" => Version >= FirstWithNoEffort ? "none" : Version > 0 ? "minimal" : "low",
        "minimal" => Version == FirstReasoningGpt ? "minimal" : "low",
        "xhigh" or "max" => Version >= FirstWithHighestEffort ? "xhigh" : "high",
        _ => wanted,
    };

    private static double VersionIn(ReadOnlySpan<char> rest)
    {
        var length = 0;
        while (length < rest.Length && (char.IsAsciiDigit(rest[length]) || (rest[length] == '.' && length > 0)))
        {
            length++;
        }

        return double.TryParse(rest[..length], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var version) ? version : 0;
    }
}
