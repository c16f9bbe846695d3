using System.Text.Json.Nodes;
using CCGate.Contracts;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>The Messages API: https://platform.claude.com/docs/en/api/messages.</summary>
internal sealed class AnthropicModel : IModelProtocol
{
    private const string ToolName = "^[a-zA-Z0-9_-]{1,128}$";

    private static readonly string[] Members =
    [
        "model", "messages", "max_tokens", "metadata", "stop_sequences", "stream", "system", "temperature", "thinking", "tool_choice", "tools", "top_k", "top_p",
        "service_tier", "container", "context_management", "mcp_servers", "output_config", "output_format", "inference_geo", "speed", "cache_control", "diagnostics",
    ];

    public string Kind => "anthropic";

    public string Model => "claude-opus-5-5";

    public string? KeyIn(HttpRequest http) => http.Headers["x-api-key"].FirstOrDefault() ?? http.Headers.Authorization.FirstOrDefault()?["Bearer ".Length..];

    public JsonObject? Aside(HttpRequest http) =>
        http.Path.Value!.EndsWith("/count_tokens", StringComparison.Ordinal) ? new JsonObject { ["input_tokens"] = 1_234 } : null;

    public ModelRequest Read(HttpRequest http, RequestNode body)
    {
        if (http.Path != "/v1/messages")
        {
            throw new ModelRefusalException(404, $"{http.Path} is not found");
        }

        var request = new ModelRequest { Model = body.Only(Members)["model"].NonEmptyText, Streaming = body.Find("stream")?.IsTrue ?? false };
        var limit = body["max_tokens"].Number;
        if (limit < 1)
        {
            throw body["max_tokens"].Refusal("must be greater than or equal to 1");
        }

        ReadSampling(body, http.Headers["anthropic-version"]);
        ReadThinking(body, request);
        ReadSystem(body, request);
        foreach (var tool in body.ItemsOf("tools"))
        {
            ReadTool(tool, request);
        }

        var format = body.Find("output_config")?.Find("format") ?? body.Find("output_format");
        request.Schema = format?.Only("type", "schema")["schema"].AnObject().Json;
        new AnthropicMessages(request, hasBetas: http.Headers.ContainsKey("anthropic-beta")).Read(body["messages"]);
        return request;
    }

    public JsonObject Write(ModelAnswer answer, ModelRequest request)
    {
        var message = Message(answer, request, Usage(answer.Usage));
        message["content"] = new JsonArray([.. answer.Parts.Select(Block)]);
        message["stop_reason"] = StopReason(answer);
        return message;
    }

    public IEnumerable<string> Frames(ModelAnswer answer, ModelRequest request)
    {
        var started = Usage(answer.Usage);
        started["output_tokens"] = 1;
        yield return Frame("message_start", new JsonObject { ["message"] = Message(answer, request, started) });
        foreach (var (index, part) in answer.Parts.Index())
        {
            yield return Frame("content_block_start", new JsonObject { ["index"] = index, ["content_block"] = EmptyBlock(part) });
            yield return Frame("ping", []);
            foreach (var delta in Deltas(part))
            {
                yield return Frame("content_block_delta", new JsonObject { ["index"] = index, ["delta"] = delta });
            }

            yield return Frame("content_block_stop", new JsonObject { ["index"] = index });
        }

        yield return Frame("message_delta", new JsonObject { ["delta"] = new JsonObject { ["stop_reason"] = StopReason(answer), ["stop_sequence"] = null }, ["usage"] = Usage(answer.Usage) });
        yield return Frame("message_stop", []);
    }

    public JsonObject Error(int status, string message) => new()
    {
        ["type"] = "error",
        ["error"] = new JsonObject
        {
            ["type"] = status switch { 401 => "authentication_error", 404 => "not_found_error", 429 => "rate_limit_error", 529 => "overloaded_error", >= 500 => "api_error", _ => "invalid_request_error" },
            ["message"] = message,
        },
        ["request_id"] = "req_1",
    };

    public string ErrorFrame(string message) => $"event: error\ndata: {Error(529, message).ToJsonString()}\n\n";

    /// <summary>https://platform.claude.com/docs/en/api/versioning: the version of October 2026 has no sampling parameters, and this model takes only their defaults.</summary>
    private static void ReadSampling(RequestNode body, string? version)
    {
        if (version is not ("2023-06-01" or "2026-10-21"))
        {
            throw new ModelRefusalException(400, $"anthropic-version: '{version}' is not a valid version");
        }

        foreach (var name in (string[])["temperature", "top_p", "top_k"])
        {
            if (body.Find(name) is { } parameter && (version == "2026-10-21" || parameter.Json.GetDouble() is not 1))
            {
                throw parameter.Refusal("is not supported with this version or model");
            }
        }
    }

    private static void ReadThinking(RequestNode body, ModelRequest request)
    {
        if (body.Find("thinking") is not { } thinking)
        {
            return;
        }

        // Models since Opus 4.7 decide for themselves how much to think, and show it only when asked to.
        request.Thinks = thinking.Only("type", "display")["type"].OneOf("adaptive", "disabled") == "adaptive";
        request.ShowsThoughts = thinking.Find("display")?.OneOf("summarized", "omitted") == "summarized";

        if (request.Thinks && body.Find("tool_choice")?["type"] is { Text: "any" or "tool" } choice)
        {
            throw choice.Refusal("Thinking may not be enabled when tool_choice forces tool use");
        }
    }

    private static void ReadSystem(RequestNode body, ModelRequest request)
    {
        if (body.Find("system") is { IsText: true } system)
        {
            request.System.Add(system.Text);
            return;
        }

        foreach (var block in body.ItemsOf("system"))
        {
            block.Only("type", "text", "cache_control", "citations")["type"].OneOf("text");
            request.System.Add(block["text"].NonEmptyText);
        }
    }

    private static void ReadTool(RequestNode tool, ModelRequest request)
    {
        var name = tool["name"].Matching(ToolName);
        if (tool.Find("type")?.Text is not (null or "custom"))
        {
            request.Tools.Add(new ModelTool(name, null));
            return;
        }

        var schema = tool["input_schema"];
        schema["type"].OneOf("object");
        if (request.Tools.Any(other => other.Name == name))
        {
            throw tool.Refusal("Tool names must be unique.");
        }

        request.Tools.Add(new ModelTool(name, schema.Json));
    }

    private static string StopReason(ModelAnswer answer) => answer.CallsTools ? "tool_use" : "end_turn";

    private static JsonObject Message(ModelAnswer answer, ModelRequest request, JsonObject usage) => new()
    {
        ["id"] = "msg_" + answer.Id,
        ["type"] = "message",
        ["role"] = "assistant",
        ["model"] = request.Model,
        ["content"] = new JsonArray(),
        ["stop_reason"] = null,
        ["stop_sequence"] = null,
        ["usage"] = usage,
    };

    private static JsonObject Usage(TokenUsage usage) => new()
    {
        ["input_tokens"] = usage.InputTokens,
        ["cache_creation_input_tokens"] = usage.CacheWrite5mTokens,
        ["cache_read_input_tokens"] = usage.CacheReadTokens,
        ["cache_creation"] = new JsonObject { ["ephemeral_5m_input_tokens"] = usage.CacheWrite5mTokens, ["ephemeral_1h_input_tokens"] = 0 },
        ["output_tokens"] = usage.OutputTokens,
        ["output_tokens_details"] = new JsonObject { ["thinking_tokens"] = usage.ReasoningTokens },
        ["service_tier"] = "standard",
    };

    private static JsonObject Block(ModelPart part)
    {
        var block = EmptyBlock(part);
        switch (part)
        {
            case ModelThought thought:
                block["thinking"] = thought.Text;
                block["signature"] = ModelSignature.Of("anthropic", thought.Text);
                break;
            case ModelToolCall call:
                block["input"] = JsonNode.Parse(call.Arguments);
                break;
            default:
                block["text"] = ((ModelText)part).Text;
                break;
        }

        return block;
    }

    private static JsonObject EmptyBlock(ModelPart part) => part switch
    {
        ModelThought => new JsonObject { ["type"] = "thinking", ["thinking"] = "", ["signature"] = "" },
        ModelToolCall call => new JsonObject { ["type"] = "tool_use", ["id"] = "toolu_" + call.Id, ["name"] = call.Name, ["input"] = new JsonObject() },
        _ => new JsonObject { ["type"] = "text", ["text"] = "" },
    };

    private static IEnumerable<JsonObject> Deltas(ModelPart part) => part switch
    {
        ModelThought thought =>
        [
            .. ModelPieces.Of(thought.Text).Select(piece => new JsonObject { ["type"] = "thinking_delta", ["thinking"] = piece }),
            new JsonObject { ["type"] = "signature_delta", ["signature"] = ModelSignature.Of("anthropic", thought.Text) },
        ],
        ModelToolCall call => ModelPieces.Of(call.Arguments).Prepend("").Select(piece => new JsonObject { ["type"] = "input_json_delta", ["partial_json"] = piece }),
        _ => ModelPieces.Of(((ModelText)part).Text).Select(piece => new JsonObject { ["type"] = "text_delta", ["text"] = piece }),
    };

    private static string Frame(string type, JsonObject data)
    {
        data.Insert(0, "type", type);
        return $"event: {type}\ndata: {data.ToJsonString()}\n\n";
    }
}
