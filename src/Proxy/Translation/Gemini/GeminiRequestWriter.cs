using System.Text.Json;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Writes a request for <c>generateContent</c>; see <see cref="GeminiRequest"/> for its shape.</summary>
internal sealed class GeminiRequestWriter(Conversation conversation, Utf8JsonWriter json, Losses losses)
{
    // https://ai.google.dev/api/generate-content#generationconfig
    private const int MaxStopSequences = 5;

    /// <summary>A tool's name as Gemini takes it: https://ai.google.dev/api/caching#FunctionDeclaration.</summary>
    public static string NameOf(string tool) => ToolNames.Fit(tool, max: 64);

    public void Write()
    {
        json.WriteStartObject();
        WriteSystem();
        new GeminiContentsWriter(conversation, json, losses).Write();
        WriteTools();
        WriteToolConfig();
        WriteConfig();
        if (ServiceTiers.ForGemini(conversation.ServiceTier, losses) is { } tier)
        {
            json.WriteString("serviceTier"u8, tier);
        }

        json.WriteEndObject();
        DropHints();
    }

    private void WriteSystem()
    {
        if (conversation.System.Count == 0)
        {
            return;
        }

        json.WriteStartObject("systemInstruction"u8);
        json.WriteStartArray("parts"u8);
        foreach (var part in conversation.System)
        {
            if (part.Cache is not null)
            {
                losses.Drop("cache_control");
            }

            json.WriteStartObject();
            json.WriteString("text"u8, part.Text);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteTools()
    {
        if (conversation.Tools.Count == 0)
        {
            return;
        }

        json.WriteStartArray("tools"u8);
        json.WriteStartObject();
        json.WriteStartArray("functionDeclarations"u8);
        foreach (var tool in conversation.Tools)
        {
            WriteTool(tool);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndArray();
    }

    private void WriteTool(Tool tool)
    {
        DropIf(tool.Cache is not null, "cache_control");
        DropIf(tool.Strict == true, "tools.strict");

        json.WriteStartObject();
        json.WriteString("name"u8, NameOf(tool.Name));
        if (tool.Description is { } description)
        {
            json.WriteString("description"u8, description);
        }

        // JSON Schema as it is, where "parameters" takes a subset of OpenAPI's: https://ai.google.dev/api/caching#FunctionDeclaration.
        if (tool.IsFreeForm)
        {
            json.WritePropertyName("parametersJsonSchema"u8);
            json.WriteRawValue("""{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}"""u8, skipInputValidation: true);
        }
        else if (tool.Schema is { } schema)
        {
            json.WritePropertyName("parametersJsonSchema"u8);
            WriteRaw(json, schema);
        }

        json.WriteEndObject();
    }

    private void WriteToolConfig()
    {
        if (conversation.ToolChoice == ToolChoice.Auto || conversation.Tools.Count == 0)
        {
            return;
        }

        json.WriteStartObject("toolConfig"u8);
        json.WriteStartObject("functionCallingConfig"u8);
        json.WriteString("mode"u8, conversation.ToolChoice == ToolChoice.None ? "NONE"u8 : "ANY"u8);
        if (conversation is { ToolChoice: ToolChoice.One, ChosenTool: { } chosen })
        {
            json.WriteStartArray("allowedFunctionNames"u8);
            json.WriteStringValue(NameOf(chosen));
            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteConfig()
    {
        json.WriteStartObject("generationConfig"u8);
        WriteNumber("temperature", conversation.Temperature);
        WriteNumber("topP", conversation.TopP);
        WriteWhole("topK", conversation.TopK);
        WriteWhole("maxOutputTokens", conversation.MaxOutputTokens);
        WriteNumber("presencePenalty", conversation.PresencePenalty);
        WriteNumber("frequencyPenalty", conversation.FrequencyPenalty);
        WriteSeed();
        WriteStops();
        WriteFormat();
        WriteLogprobs();
        WriteThinking();
        json.WriteEndObject();
    }

    private void WriteNumber(string name, double? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private void WriteWhole(string name, long? value)
    {
        if (value is { } number)
        {
            json.WriteNumber(name, number);
        }
    }

    private void WriteSeed()
    {
        if (conversation.Seed is < int.MinValue or > int.MaxValue)
        {
            losses.Drop("seed"); // It has 32 bits here.
        }
        else
        {
            WriteWhole("seed", conversation.Seed);
        }
    }

    private void WriteStops()
    {
        if (conversation.StopSequences.Count > MaxStopSequences)
        {
            throw Losses.Refuse("stop", $"the model takes {MaxStopSequences} stop sequences at most");
        }

        if (conversation.StopSequences.Count == 0)
        {
            return;
        }

        json.WriteStartArray("stopSequences"u8);
        foreach (var sequence in conversation.StopSequences)
        {
            json.WriteStringValue(sequence);
        }

        json.WriteEndArray();
    }

    private void WriteFormat()
    {
        if (conversation.Format is not { } format)
        {
            return;
        }

        json.WriteString("responseMimeType"u8, "application/json"u8);
        if (format.Schema is { } schema)
        {
            json.WritePropertyName("responseJsonSchema"u8);
            WriteRaw(json, schema);
        }
    }

    private void WriteLogprobs()
    {
        if (conversation.Logprobs is not { } alternatives)
        {
            return;
        }

        json.WriteBoolean("responseLogprobs"u8, true);
        if (alternatives > 0)
        {
            json.WriteNumber("logprobs"u8, alternatives);
        }
    }

    /// <remarks>Levels since Gemini 3, budgets before, never both: https://ai.google.dev/gemini-api/docs/thinking.</remarks>
    private void WriteThinking()
    {
        if (conversation.Reasoning is not { } reasoning)
        {
            return;
        }

        var isThree = IsThree(conversation.Model);
        if (reasoning.IsOpen)
        {
            WriteShown(reasoning, isThree);
            return;
        }

        if (isThree is null)
        {
            losses.Drop("reasoning");
            return;
        }

        json.WriteStartObject("thinkingConfig"u8);
        if (isThree == true)
        {
            json.WriteString("thinkingLevel"u8, LevelOf(reasoning.ToEffort()!, conversation.Model));
        }
        else
        {
            json.WriteNumber("thinkingBudget"u8, BudgetOf(reasoning.ToBudget(), conversation.Model));
        }

        if (reasoning.Shown != false && reasoning is not ({ Effort: "none" } or { Effort: null, BudgetTokens: 0 }))
        {
            json.WriteBoolean("includeThoughts"u8, true);
        }

        json.WriteEndObject();
    }

    /// <summary>Models that do not think unasked refuse to show it: those before 2.5, and its Flash-Lite.</summary>
    private void WriteShown(Reasoning reasoning, bool? isThree)
    {
        if (reasoning.Shown == true && isThree is { } && (isThree.Value || !conversation.Model.Contains("lite", StringComparison.OrdinalIgnoreCase)))
        {
            json.WriteStartObject("thinkingConfig"u8);
            json.WriteBoolean("includeThoughts"u8, true);
            json.WriteEndObject();
        }
    }

    /// <summary>No model of Gemini 3 can be kept from thinking, and only Flash has the least of it; the first Pro knew but two levels.</summary>
    private static string LevelOf(string effort, string model) => effort switch
    {
        "none" or "minimal" => model.Contains("flash", StringComparison.OrdinalIgnoreCase) ? "minimal" : "low",
        "low" => "low",
        "medium" => model.Contains("gemini-3-pro", StringComparison.OrdinalIgnoreCase) ? "high" : "medium",
        _ => "high",
    };

    /// <summary>Within what the models of 2.5 take; Pro cannot be kept from thinking.</summary>
    private static long BudgetOf(long tokens, string model)
    {
        if (model.Contains("pro", StringComparison.OrdinalIgnoreCase))
        {
            return Math.Clamp(tokens, 128, 32_768);
        }

        var least = model.Contains("lite", StringComparison.OrdinalIgnoreCase) ? 512 : 0;
        return tokens <= 0 ? 0 : Math.Clamp(tokens, least, 24_576);
    }

    private void DropHints()
    {
        DropIf(conversation.ParallelToolCalls == false, "parallel_tool_calls");
        DropIf(conversation.Verbosity is not null, "verbosity");
        DropIf(conversation.User is not null, "user");
    }

    private void DropIf(bool isSaid, string field)
    {
        if (isSaid)
        {
            losses.Drop(field);
        }
    }
}
