using System.Text.Json;

namespace CCGate.Proxy.Translation.Anthropic;

/// <summary>How a request asks for thinking, and what the API then refuses beside it.</summary>
/// <remarks>https://platform.claude.com/docs/en/build-with-claude/extended-thinking: the budget is at least 1,024 tokens and less than <c>max_tokens</c>, sampling
/// stays as it is, no tool can be forced, and a turn that called tools must begin with its own signed thoughts (the last does not hold for adaptive thinking).</remarks>
/// <param name="Mode">What <c>thinking.type</c> says; null to leave it to the model.</param>
internal readonly record struct AnthropicThinking(string? Mode, long BudgetTokens, string? Effort, bool? Shown, bool IsActive)
{
    private const long SmallestBudget = 1024;

    public static AnthropicThinking For(Conversation conversation, ClaudeModel model, long maxTokens, Losses losses)
    {
        var wanted = conversation.Reasoning;
        var forced = conversation.Tools.Count > 0 && conversation.ToolChoice is ToolChoice.Any or ToolChoice.One;
        if (wanted is null or { IsOpen: true })
        {
            return Unasked(wanted?.Shown, forced, model);
        }

        if (wanted is { Effort: "none" } or { Effort: null, BudgetTokens: 0 })
        {
            return TurnedOff(model, losses);
        }

        if (model.ThinksAdaptively)
        {
            if (forced && !model.AlwaysThinks)
            {
                losses.Drop("reasoning");
                return Off;
            }

            return new AnthropicThinking("adaptive", 0, EffortOf(wanted, model), wanted.Shown, IsActive: true);
        }

        if (!model.Thinks || forced || maxTokens <= SmallestBudget || !BeganWithThoughts(conversation))
        {
            losses.Drop("reasoning");
            return default;
        }

        var budget = Math.Max(SmallestBudget, wanted.ToBudget());
        return new AnthropicThinking("enabled", budget < maxTokens ? budget : Math.Max(SmallestBudget, maxTokens / 2), null, null, IsActive: true);
    }

    private static AnthropicThinking Off => new("disabled", 0, null, null, IsActive: false);

    public void Write(Utf8JsonWriter json)
    {
        if (Mode is null)
        {
            return;
        }

        json.WriteStartObject("thinking"u8);
        json.WriteString("type"u8, Mode);
        if (Mode == "enabled")
        {
            json.WriteNumber("budget_tokens"u8, BudgetTokens);
        }

        // What is not asked for is shown by some models and not by others.
        if (Mode == "adaptive" && Shown is { } shown)
        {
            json.WriteString("display"u8, shown ? "summarized"u8 : "omitted"u8);
        }

        json.WriteEndObject();
    }

    private static AnthropicThinking Unasked(bool? shown, bool forced, ClaudeModel model)
    {
        if (forced && model.ThinksByDefault && !model.AlwaysThinks)
        {
            return Off;
        }

        // Whether thoughts are shown can only be told with the mode, and may be where it is what the model does unasked.
        return model.ThinksByDefault && shown is not null
            ? new AnthropicThinking("adaptive", 0, null, shown, IsActive: true)
            : new AnthropicThinking(null, 0, null, null, model.ThinksByDefault);
    }

    private static AnthropicThinking TurnedOff(ClaudeModel model, Losses losses)
    {
        if (model.AlwaysThinks)
        {
            losses.Drop("reasoning");
            return new AnthropicThinking(null, 0, "low", null, IsActive: true);
        }

        return model.ThinksByDefault ? Off : default;
    }

    private static string? EffortOf(Reasoning wanted, ClaudeModel model) => wanted.ToEffort() switch
    {
        "minimal" or "none" => "low",
        "xhigh" when !model.KnowsExtraHigh => "high",
        var effort => effort,
    };

    /// <summary>Whether the turn that waits for its tools' results began with a thought of Anthropic's; true when none waits.</summary>
    /// <remarks>However many calls and results such a turn has had, the model thought before the first of them.</remarks>
    private static bool BeganWithThoughts(Conversation conversation)
    {
        var turns = conversation.Turns;
        Turn? first = null;
        for (var i = turns.Count - 1; i >= 0; i--)
        {
            if (turns[i].Role == Role.Assistant)
            {
                first = turns[i];
            }
            else if (turns[i].Role == Role.User && !turns[i].Parts.Exists(static part => part is ToolResultPart))
            {
                break;
            }
        }

        return first is null || (first.Parts is [ThinkingPart thought, ..] && Signatures.For(AnthropicBlocks.Maker, thought.Signature) is not null);
    }
}
