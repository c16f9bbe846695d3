using System.Globalization;

namespace CCGate.Proxy.Translation;

/// <summary>What a model's name tells about the parameters it takes, in chat completions and in responses.</summary>
/// <param name="Version">Of its GPT; 0 for the <c>o</c> series and others.</param>
/// <param name="Reasons">It takes an effort.</param>
internal readonly record struct OpenAiModel(string Name, double Version, bool Reasons, bool IsServedByOpenAi)
{
    // The series that take max_completion_tokens alone: https://platform.openai.com/docs/guides/reasoning
    private const double FirstReasoningGpt = 5;

    // It and what came after it: https://platform.openai.com/docs/api-reference/chat/create#chat_create-reasoning_effort
    private const double FirstWithNoEffort = 5.1;
    private const double FirstWithHighestEffort = 5.2;

    // Up to it nothing said is no effort; what came later reasons unasked.
    private const double LastWithoutReasoningByDefault = 5.4;

    /// <summary>It takes <c>max_completion_tokens</c> instead of <c>max_tokens</c>.</summary>
    public bool IsLate => Reasons || Version >= FirstReasoningGpt;

    /// <summary>Elsewhere a tool that takes text is a function with the one string <c>input</c>.</summary>
    public bool HasFreeFormTools => Version >= FirstReasoningGpt;

    public bool HasVerbosity => Version >= FirstReasoningGpt;

    /// <summary>Chat completions refuse tools together with reasoning, even with the effort it has by default: https://github.com/openai/openai-openapi/issues/541</summary>
    public bool ReasonsOnlyWithoutTools => IsServedByOpenAi && Reasons && Version >= FirstWithHighestEffort;

    /// <summary>It refuses penalties, and what <see cref="TakesSampling"/> tells. Of the chat models the first one alone did not reason.</summary>
    /// <remarks>https://platform.openai.com/docs/guides/latest-model, parameter compatibility.</remarks>
    public bool HasFixedSampling => Reasons || Version > FirstReasoningGpt;

    /// <summary>"Not supported with latest reasoning models o3 and o4-mini", nor with those after them: https://platform.openai.com/docs/api-reference/chat/create#chat_create-stop</summary>
    public bool TakesStop => !HasFixedSampling || Name is "o1" || Name.StartsWith("o1-20", StringComparison.Ordinal) || Name.StartsWith("o3-mini", StringComparison.Ordinal);

    private bool IsPro => Name.Contains("-pro", StringComparison.Ordinal);

    private bool IsCodex => Name.Contains("codex", StringComparison.Ordinal);

    private bool CanBeKeptFromReasoning => Reasons && Version >= FirstWithNoEffort && !IsPro && !IsCodex;

    public static OpenAiModel Of(string model)
    {
        var slash = model.LastIndexOf('/');
        var name = model[(slash + 1)..].ToLowerInvariant();
        var isSeries = (name.Length >= 2 && name[0] == 'o' && char.IsAsciiDigit(name[1])) || name.StartsWith("codex-", StringComparison.Ordinal);
        var version = name.StartsWith("gpt-", StringComparison.Ordinal) ? VersionIn(name.AsSpan(4)) : 0;
        return new(name, version, isSeries || (version >= FirstReasoningGpt && !name.Contains("-chat", StringComparison.Ordinal)), slash < 0);
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

    /// <summary>The effort that is nearest to what the client wants; null to say nothing. A model that does not reason is told none.</summary>
    public string? EffortFor(Reasoning? wanted, Losses losses)
    {
        var effort = wanted?.ToEffort();
        if (effort is not (null or "none") && !Reasons)
        {
            losses.Drop("thinking");
        }

        return effort is null || !Reasons ? null : Nearest(effort);
    }

    /// <summary>Whether it takes a temperature, <c>top_p</c> and log probabilities beside this effort; if not, those that say more than the default are dropped.</summary>
    public bool TakesSampling(Conversation conversation, string? effort, Losses losses)
    {
        if (!HasFixedSampling || (CanBeKeptFromReasoning && (effort ?? (Version <= LastWithoutReasoningByDefault ? "none" : null)) == "none"))
        {
            return true;
        }

        DropIf(conversation.Temperature is not (null or 1), "temperature");
        DropIf(conversation.TopP is not (null or 1), "top_p");
        DropIf(conversation.Logprobs is not null, "logprobs");
        return false;

        void DropIf(bool isSaid, string field)
        {
            if (isSaid)
            {
                losses.Drop(field);
            }
        }
    }

    /// <remarks>Which models know which: https://github.com/anomalyco/opencode/pull/26268, told by the errors of the API itself.</remarks>
    private string Nearest(string wanted) => wanted switch
    {
        _ when IsPro && Version == FirstReasoningGpt => "high",
        "none" or "minimal" or "low" when IsPro && Version > FirstReasoningGpt => "medium",
        "none" when CanBeKeptFromReasoning => "none",
        "none" or "minimal" => Version == FirstReasoningGpt && !IsCodex ? "minimal" : "low",
        "xhigh" or "max" => Version >= FirstWithHighestEffort || Name.Contains("codex-max", StringComparison.Ordinal) ? "xhigh" : "high",
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
