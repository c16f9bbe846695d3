using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>Chat completions: https://platform.openai.com/docs/api-reference/chat.</summary>
internal sealed class ChatModel : IModelProtocol
{
    private const string ToolName = "^[a-zA-Z0-9_-]{1,64}$";

    private static readonly string[] Members =
    [
        "model", "messages", "audio", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "max_completion_tokens", "metadata", "modalities", "n", "parallel_tool_calls",
        "prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier", "stop",
        "store", "stream", "stream_options", "tool_choice", "tools", "user", "verbosity", "web_search_options", "temperature", "top_p", "max_tokens",
    ];

    public string Kind => "openai";

    public string Model => "gpt-5.1";

    public string? KeyIn(HttpRequest http) => http.Headers.Authorization.FirstOrDefault()?["Bearer ".Length..];

    public JsonObject? Aside(HttpRequest http) => null;

    public ModelRequest Read(HttpRequest http, RequestNode body)
    {
        if (http.Path != "/v1/chat/completions")
        {
            throw new ModelRefusalException(404, $"Invalid URL (POST {http.Path})");
        }

        // It thinks whenever it likes; the effort says how much.
        var request = new ModelRequest { Model = body.Only(Members)["model"].NonEmptyText, Streaming = body.Find("stream")?.IsTrue ?? false };
        request.Thinks = body.Find("reasoning_effort")?.OneOf("none", "minimal", "low", "medium", "high", "xhigh") != "none";
        ReadLimits(body);
        if (body.Find("stream_options") is { } options)
        {
            if (!request.Streaming)
            {
                throw options.Refusal("The 'stream_options' parameter is only allowed when 'stream' is enabled.");
            }

            request.WantsUsage = options.Only("include_usage", "include_obfuscation").Find("include_usage")?.IsTrue ?? false;
        }
        else
        {
            request.WantsUsage = !request.Streaming;
        }

        foreach (var tool in body.ItemsOf("tools"))
        {
            ReadTool(tool, request);
        }

        ReadFormat(body, request);
        new ChatMessages(request).Read(body["messages"]);
        return request;
    }

    public JsonObject Write(ModelAnswer answer, ModelRequest request)
    {
        var message = new JsonObject { ["role"] = "assistant", ["content"] = answer.Text.Length > 0 ? answer.Text : null, ["refusal"] = null, ["annotations"] = new JsonArray() };
        if (answer.CallsTools)
        {
            message["tool_calls"] = new JsonArray([.. answer.Parts.OfType<ModelToolCall>().Select(call => Call(call, call.Arguments))]);
        }

        var completion = Envelope(answer, request, "chat.completion");
        completion["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["message"] = message, ["logprobs"] = null, ["finish_reason"] = FinishReason(answer) });
        completion["usage"] = Usage(answer.Usage);
        return completion;
    }

    public IEnumerable<string> Frames(ModelAnswer answer, ModelRequest request)
    {
        yield return Chunk(answer, request, new JsonObject { ["role"] = "assistant", ["content"] = answer.CallsTools ? null : "", ["refusal"] = null });
        foreach (var piece in ModelPieces.Of(answer.Text))
        {
            yield return Chunk(answer, request, new JsonObject { ["content"] = piece });
        }

        foreach (var (index, call) in answer.Parts.OfType<ModelToolCall>().Index())
        {
            var began = Call(call, "");
            began.Insert(0, "index", index);
            yield return Chunk(answer, request, new JsonObject { ["tool_calls"] = new JsonArray(began) });
            foreach (var piece in ModelPieces.Of(call.Arguments))
            {
                var more = new JsonObject { ["index"] = index, ["function"] = new JsonObject { ["arguments"] = piece } };
                yield return Chunk(answer, request, new JsonObject { ["tool_calls"] = new JsonArray(more) });
            }
        }

        yield return Chunk(answer, request, [], FinishReason(answer));
        if (request.WantsUsage)
        {
            var last = Envelope(answer, request, "chat.completion.chunk");
            last["choices"] = new JsonArray();
            last["usage"] = Usage(answer.Usage);
            yield return $"data: {last.ToJsonString()}\n\n";
        }

        yield return "data: [DONE]\n\n";
    }

    public JsonObject Error(int status, string message) => OpenAiError.Of(status, message);

    public string ErrorFrame(string message) => $"data: {OpenAiError.Of(500, message).ToJsonString()}\n\n";

    private static void ReadLimits(RequestNode body)
    {
        // What the models that reason refuse: https://platform.openai.com/docs/guides/reasoning
        if (body.Find("max_tokens") is { } limit)
        {
            throw limit.Refusal("Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.");
        }

        if (body.Find("max_completion_tokens") is { Number: < 1 } low)
        {
            throw low.Refusal("below the minimum value");
        }

        if (body.Find("temperature") is { } temperature && temperature.Json.GetDouble() is not 1)
        {
            throw temperature.Refusal("Only the default (1) value is supported.");
        }
    }

    private static void ReadTool(RequestNode tool, ModelRequest request)
    {
        if (tool["type"].OneOf("function", "custom") == "custom")
        {
            request.Tools.Add(new ModelTool(tool["custom"]["name"].Matching(ToolName), null));
            return;
        }

        var function = tool.Only("type", "function")["function"].Only("name", "description", "parameters", "strict");
        var schema = function.Find("parameters");
        schema?["type"].OneOf("object");
        request.Tools.Add(new ModelTool(function["name"].Matching(ToolName), schema?.Json));
    }

    private static void ReadFormat(RequestNode body, ModelRequest request)
    {
        if (body.Find("response_format") is not { } format || format["type"].OneOf("text", "json_object", "json_schema") != "json_schema")
        {
            return;
        }

        var named = format.Only("type", "json_schema")["json_schema"].Only("name", "description", "schema", "strict");
        named["name"].Matching(ToolName);
        request.Schema = OpenAiSchema.Read(named["schema"], named.Find("strict")?.IsTrue ?? false);
    }

    private static string FinishReason(ModelAnswer answer) => answer.CallsTools ? "tool_calls" : "stop";

    private static JsonObject Call(ModelToolCall call, string arguments) =>
        new() { ["id"] = call.Id, ["type"] = "function", ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = arguments } };

    private static JsonObject Envelope(ModelAnswer answer, ModelRequest request, string type) => new()
    {
        ["id"] = "chatcmpl-" + answer.Id,
        ["object"] = type,
        ["created"] = 1_760_000_000,
        ["model"] = request.Model,
        ["service_tier"] = "default",
        ["system_fingerprint"] = "fp_1",
    };

    private static string Chunk(ModelAnswer answer, ModelRequest request, JsonObject delta, string? finishReason = null)
    {
        var chunk = Envelope(answer, request, "chat.completion.chunk");
        chunk["choices"] = new JsonArray(new JsonObject { ["index"] = 0, ["delta"] = delta, ["logprobs"] = null, ["finish_reason"] = finishReason });
        if (request.WantsUsage)
        {
            chunk["usage"] = null;
        }

        return $"data: {chunk.ToJsonString()}\n\n";
    }

    private static JsonObject Usage(TokenUsage usage) => new()
    {
        ["prompt_tokens"] = usage.PromptTokens,
        ["completion_tokens"] = usage.OutputTokens,
        ["total_tokens"] = usage.TotalTokens,
        ["prompt_tokens_details"] = new JsonObject { ["cached_tokens"] = usage.CacheReadTokens, ["audio_tokens"] = 0 },
        ["completion_tokens_details"] = new JsonObject { ["reasoning_tokens"] = usage.ReasoningTokens, ["audio_tokens"] = 0 },
    };
}

/// <summary>An error as OpenAI writes it.</summary>
internal static class OpenAiError
{
    public static JsonObject Of(int status, string message) => new()
    {
        ["error"] = new JsonObject
        {
            ["message"] = message,
            ["type"] = status switch { 429 => "requests", >= 500 => "server_error", _ => "invalid_request_error" },
            ["param"] = null,
            ["code"] = status switch { 401 => "invalid_api_key", 429 => "rate_limit_exceeded", _ => null },
        },
    };
}

/// <summary>The schema of a structured output, as OpenAI takes it: https://platform.openai.com/docs/guides/structured-outputs.</summary>
internal static class OpenAiSchema
{
    public static JsonElement Read(RequestNode schema, bool strict)
    {
        schema["type"].OneOf("object");
        if (strict && schema.Find("additionalProperties") is not { Json.ValueKind: JsonValueKind.False })
        {
            throw schema.Refusal("In context=(), 'additionalProperties' is required to be supplied and to be false.");
        }

        return schema.Json;
    }
}
