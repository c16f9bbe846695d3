using System.Text.Json.Nodes;
using CCGate.Contracts;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>The Responses API: https://platform.openai.com/docs/api-reference/responses.</summary>
internal sealed class ResponsesModel : IModelProtocol
{
    private const string ToolName = "^[a-zA-Z0-9_-]{1,64}$";

    private static readonly string[] Members =
    [
        "background", "client_metadata", "context_management", "conversation", "include", "input", "instructions", "max_output_tokens", "max_tool_calls", "metadata", "model",
        "parallel_tool_calls", "previous_response_id", "prompt", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "reasoning", "safety_identifier", "service_tier", "store",
        "stream", "stream_options", "temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p", "truncation", "user",
    ];

    public string Kind => "openai-responses";

    public string Model => "gpt-5.2";

    public string? KeyIn(HttpRequest http) => http.Headers.Authorization.FirstOrDefault()?["Bearer ".Length..];

    public JsonObject? Aside(HttpRequest http) => null;

    public ModelRequest Read(HttpRequest http, RequestNode body)
    {
        if (http.Path != "/v1/responses")
        {
            throw new ModelRefusalException(404, $"Invalid URL (POST {http.Path})");
        }

        var request = new ModelRequest { Model = body.Only(Members)["model"].NonEmptyText, Streaming = body.Find("stream")?.IsTrue ?? false };
        var reasoning = body.Find("reasoning")?.Only("effort", "summary", "generate_summary", "context");
        request.Thinks = reasoning?.Find("effort")?.OneOf("none", "minimal", "low", "medium", "high", "xhigh") != "none";
        request.ShowsThoughts = reasoning?.Find("summary")?.OneOf("auto", "concise", "detailed") is not null;
        if (body.Find("max_output_tokens") is { Number: < 16 } low)
        {
            throw low.Refusal("integer below minimum value. Expected a value >= 16");
        }

        if (body.Find("temperature") is { } temperature && temperature.Json.GetDouble() is not 1)
        {
            throw temperature.Refusal("Unsupported parameter: 'temperature' is not supported with this model.");
        }

        if (body.Find("instructions") is { } instructions)
        {
            request.System.Add(instructions.Text);
        }

        foreach (var tool in body.ItemsOf("tools"))
        {
            ReadTool(tool, request);
        }

        ReadFormat(body, request);
        new ResponsesInput(request, stored: body.Find("store") is not { Json.ValueKind: System.Text.Json.JsonValueKind.False }).Read(body["input"]);
        return request;
    }

    public JsonObject Write(ModelAnswer answer, ModelRequest request) => Response(answer, request, "completed");

    public IEnumerable<string> Frames(ModelAnswer answer, ModelRequest request)
    {
        var number = 0;
        string Frame(string type, JsonObject data)
        {
            data.Insert(0, "type", type);
            data["sequence_number"] = number++;
            return $"event: {type}\ndata: {data.ToJsonString()}\n\n";
        }

        yield return Frame("response.created", new JsonObject { ["response"] = Response(answer, request, "in_progress") });
        yield return Frame("response.in_progress", new JsonObject { ["response"] = Response(answer, request, "in_progress") });
        foreach (var (index, part) in answer.Parts.Index())
        {
            var began = ResponsesItem.Empty(answer, part, index);
            var id = began["id"]!.GetValue<string>();
            yield return Frame("response.output_item.added", new JsonObject { ["output_index"] = index, ["item"] = began });
            foreach (var (type, data) in ResponsesItem.Events(part))
            {
                data["item_id"] = id;
                data["output_index"] = index;
                yield return Frame(type, data);
            }

            yield return Frame("response.output_item.done", new JsonObject { ["output_index"] = index, ["item"] = ResponsesItem.Whole(answer, part, index) });
        }

        yield return Frame("response.completed", new JsonObject { ["response"] = Response(answer, request, "completed") });
    }

    public JsonObject Error(int status, string message) => OpenAiError.Of(status, message);

    public string ErrorFrame(string message) =>
        $"event: error\ndata: {new JsonObject { ["type"] = "error", ["code"] = "server_error", ["message"] = message, ["param"] = null, ["sequence_number"] = 99 }.ToJsonString()}\n\n";

    private static void ReadTool(RequestNode tool, ModelRequest request)
    {
        switch (tool["type"].NonEmptyText)
        {
            case "function":
                var schema = tool.Only("type", "name", "description", "parameters", "strict", "defer_loading").Find("parameters");
                schema?["type"].OneOf("object");
                request.Tools.Add(new ModelTool(tool["name"].Matching(ToolName), schema?.Json));
                break;
            case "custom":
                request.Tools.Add(new ModelTool(tool["name"].Matching(ToolName), null));
                break;
            case "namespace":
                foreach (var inner in tool.ItemsOf("tools"))
                {
                    ReadTool(inner, request);
                }

                break;
            default:
                tool["type"].OneOf("web_search", "web_search_preview", "file_search", "mcp", "code_interpreter", "image_generation", "local_shell", "shell", "apply_patch", "tool_search");
                break;
        }
    }

    private static void ReadFormat(RequestNode body, ModelRequest request)
    {
        if (body.Find("text")?.Only("format", "verbosity").Find("format") is not { } format || format["type"].OneOf("text", "json_object", "json_schema") != "json_schema")
        {
            return;
        }

        format.Only("type", "name", "description", "schema", "strict")["name"].Matching(ToolName);
        request.Schema = OpenAiSchema.Read(format["schema"], format.Find("strict")?.IsTrue ?? false);
    }

    private static JsonObject Response(ModelAnswer answer, ModelRequest request, string status)
    {
        var completed = status == "completed";
        return new JsonObject
        {
            ["id"] = "resp_" + answer.Id,
            ["object"] = "response",
            ["created_at"] = 1_760_000_000,
            ["status"] = status,
            ["error"] = null,
            ["incomplete_details"] = null,
            ["instructions"] = null,
            ["max_output_tokens"] = null,
            ["model"] = request.Model,
            ["output"] = new JsonArray(completed ? [.. answer.Parts.Select((part, index) => ResponsesItem.Whole(answer, part, index))] : []),
            ["parallel_tool_calls"] = true,
            ["previous_response_id"] = null,
            ["reasoning"] = new JsonObject { ["effort"] = "medium", ["summary"] = null },
            ["service_tier"] = "default",
            ["store"] = false,
            ["temperature"] = 1.0,
            ["text"] = new JsonObject { ["format"] = new JsonObject { ["type"] = "text" } },
            ["tool_choice"] = "auto",
            ["tools"] = new JsonArray(),
            ["top_p"] = 1.0,
            ["truncation"] = "disabled",
            ["usage"] = completed ? Usage(answer.Usage) : null,
            ["user"] = null,
            ["metadata"] = new JsonObject(),
        };
    }

    private static JsonObject Usage(TokenUsage usage) => new()
    {
        ["input_tokens"] = usage.PromptTokens,
        ["input_tokens_details"] = new JsonObject { ["cached_tokens"] = usage.CacheReadTokens },
        ["output_tokens"] = usage.OutputTokens,
        ["output_tokens_details"] = new JsonObject { ["reasoning_tokens"] = usage.ReasoningTokens },
        ["total_tokens"] = usage.TotalTokens,
    };
}
