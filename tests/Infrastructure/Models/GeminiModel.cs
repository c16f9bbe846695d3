using System.Text.Json;
using System.Text.Json.Nodes;
using CCGate.Contracts;
using Microsoft.AspNetCore.Http;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>generateContent: https://ai.google.dev/api/generate-content.</summary>
internal sealed class GeminiModel : IModelProtocol
{
    private const string FunctionName = "^[a-zA-Z_][a-zA-Z0-9_.:-]{0,63}$";

    // What the proto of a Schema knows; JSON Schema in full goes into the members named after it.
    private static readonly string[] SchemaMembers =
    [
        "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required", "minProperties", "maxProperties", "minLength", "maxLength",
        "pattern", "example", "anyOf", "propertyOrdering", "default", "items", "minimum", "maximum",
    ];

    private static readonly string[] ConfigMembers =
    [
        "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema", "responseModalities", "candidateCount", "maxOutputTokens", "temperature", "topP", "topK", "seed",
        "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs", "enableEnhancedCivicAnswers", "speechConfig", "thinkingConfig", "imageConfig", "mediaResolution",
    ];

    public string Kind => "gemini";

    public string Model => "gemini-3.1-pro-preview";

    public string? KeyIn(HttpRequest http) => http.Headers["x-goog-api-key"].FirstOrDefault() ?? http.Query["key"].FirstOrDefault();

    public JsonObject? Aside(HttpRequest http) => http.Path.Value!.EndsWith(":countTokens", StringComparison.Ordinal) ? new JsonObject { ["totalTokens"] = 1_234 } : null;

    public ModelRequest Read(HttpRequest http, RequestNode body)
    {
        const string Prefix = "/v1beta/models/";
        var target = http.Path.Value!;
        var colon = target.LastIndexOf(':');
        if (!target.StartsWith(Prefix, StringComparison.Ordinal) || colon < Prefix.Length || target[colon..] is not (":generateContent" or ":streamGenerateContent"))
        {
            throw new ModelRefusalException(404, $"{target} is not found for API version v1beta");
        }

        var request = new ModelRequest { Model = target[Prefix.Length..colon], Streaming = target.EndsWith(":streamGenerateContent", StringComparison.Ordinal), Thinks = true };
        if (request.Streaming && http.Query["alt"] != "sse")
        {
            throw new ModelRefusalException(400, "alt: this model streams server-sent events only");
        }

        body.Only("contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent", "labels", "serviceTier", "store");
        foreach (var part in body.Find("systemInstruction")?.Only("role", "parts").ItemsOf("parts") ?? [])
        {
            request.System.Add(part.Only("text")["text"].Text);
        }

        foreach (var function in body.ItemsOf("tools").SelectMany(tool => tool.ItemsOf("functionDeclarations")))
        {
            ReadFunction(function, request);
        }

        ReadConfig(body, request);
        new GeminiContents(request).Read(body["contents"]);
        return request;
    }

    public JsonObject Write(ModelAnswer answer, ModelRequest request) =>
        Response(answer, request, [.. answer.Parts.SelectMany((part, index) => Parts(answer, part, index, whole: true))], isLast: true);

    public IEnumerable<string> Frames(ModelAnswer answer, ModelRequest request)
    {
        var parts = answer.Parts.SelectMany((part, index) => Parts(answer, part, index, whole: false)).ToArray();
        foreach (var (index, part) in parts.Index())
        {
            yield return $"data: {Response(answer, request, [part], isLast: index == parts.Length - 1).ToJsonString()}\r\n\r\n";
        }
    }

    public JsonObject Error(int status, string message) => new()
    {
        ["error"] = new JsonObject
        {
            ["code"] = status,
            ["message"] = message,
            ["status"] = status switch { 400 => "INVALID_ARGUMENT", 401 => "UNAUTHENTICATED", 404 => "NOT_FOUND", 429 => "RESOURCE_EXHAUSTED", 503 => "UNAVAILABLE", _ => "INTERNAL" },
        },
    };

    public string ErrorFrame(string message) => $"data: {Error(503, message).ToJsonString()}\r\n\r\n";

    private static void ReadFunction(RequestNode function, ModelRequest request)
    {
        function.Only("name", "description", "behavior", "parameters", "parametersJsonSchema", "response", "responseJsonSchema");
        if (function.Find("parameters") is { } parameters)
        {
            ReadSchema(parameters);
            if (function.Find("parametersJsonSchema") is { } both)
            {
                throw both.Refusal("must not be set together with parameters");
            }
        }

        var schema = function.Find("parameters") ?? function.Find("parametersJsonSchema");
        request.Tools.Add(new ModelTool(function["name"].Matching(FunctionName), schema?.Json));
    }

    private static void ReadSchema(RequestNode schema)
    {
        schema.Only(SchemaMembers).Find("type")?.OneOf(
            "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL", "TYPE_UNSPECIFIED", "string", "number", "integer", "boolean", "array", "object", "null");
        foreach (var property in schema.Find("properties")?.AnObject().Json.EnumerateObject().ToArray() ?? [])
        {
            ReadSchema(new RequestNode(property.Value, $"{schema.Path}.properties.{property.Name}"));
        }

        if (schema.Find("items") is { } items)
        {
            ReadSchema(items);
        }
    }

    private static void ReadConfig(RequestNode body, ModelRequest request)
    {
        if (body.Find("generationConfig")?.Only(ConfigMembers) is not { } config)
        {
            return;
        }

        if (config.Find("thinkingConfig") is { } thinking)
        {
            ReadThinking(thinking.Only("includeThoughts", "thinkingBudget", "thinkingLevel"), request);
        }

        var (proto, json) = (config.Find("responseSchema"), config.Find("responseJsonSchema") ?? config.Find("_responseJsonSchema"));
        if (proto is { } schema)
        {
            ReadSchema(schema);
        }

        request.Schema = (proto ?? json)?.Json;
        if (request.WantsJson && config["responseMimeType"].Text != "application/json")
        {
            throw config["responseMimeType"].Refusal("a response schema needs application/json");
        }
    }

    private static void ReadThinking(RequestNode thinking, ModelRequest request)
    {
        request.ShowsThoughts = thinking.Find("includeThoughts")?.IsTrue ?? false;
        if (thinking.Find("thinkingLevel") is not { } level)
        {
            return;
        }

        level.OneOf("MINIMAL", "LOW", "MEDIUM", "HIGH", "minimal", "low", "medium", "high");
        if (thinking.Find("thinkingBudget") is not null)
        {
            throw level.Refusal("You can only set only one of thinking budget and thinking level.");
        }
    }

    private static JsonObject Response(ModelAnswer answer, ModelRequest request, JsonArray parts, bool isLast)
    {
        var candidate = new JsonObject { ["content"] = new JsonObject { ["parts"] = parts, ["role"] = "model" }, ["index"] = 0 };
        if (isLast)
        {
            candidate["finishReason"] = "STOP";
        }

        return new JsonObject { ["candidates"] = new JsonArray(candidate), ["usageMetadata"] = Usage(answer.Usage), ["modelVersion"] = request.Model, ["responseId"] = answer.Id };
    }

    private static IEnumerable<JsonObject> Parts(ModelAnswer answer, ModelPart part, int index, bool whole) => part switch
    {
        ModelThought thought => Pieces(thought.Text, whole).Select(piece => new JsonObject { ["text"] = piece, ["thought"] = true }),
        ModelToolCall call => [Call(answer, call, index)],
        _ => Pieces(((ModelText)part).Text, whole).Select(piece => new JsonObject { ["text"] = piece }),
    };

    private static IEnumerable<string> Pieces(string text, bool whole) => whole && text.Length > 0 ? [text] : ModelPieces.Of(text);

    /// <summary>Only the first of parallel calls is signed: https://ai.google.dev/gemini-api/docs/thought-signatures.</summary>
    private static JsonObject Call(ModelAnswer answer, ModelToolCall call, int index)
    {
        var part = new JsonObject { ["functionCall"] = new JsonObject { ["name"] = call.Name, ["args"] = JsonNode.Parse(call.Arguments), ["id"] = call.Id } };
        if (!answer.Parts.Take(index).Any(before => before is ModelToolCall))
        {
            part["thoughtSignature"] = ModelSignature.Of("gemini", call.Name);
        }

        return part;
    }

    private static JsonObject Usage(TokenUsage usage) => new()
    {
        ["promptTokenCount"] = usage.PromptTokens,
        ["cachedContentTokenCount"] = usage.CacheReadTokens,
        ["candidatesTokenCount"] = usage.OutputTokens - usage.ReasoningTokens,
        ["thoughtsTokenCount"] = usage.ReasoningTokens,
        ["totalTokenCount"] = usage.TotalTokens,
        ["promptTokensDetails"] = new JsonArray(new JsonObject { ["modality"] = "TEXT", ["tokenCount"] = usage.PromptTokens }),
    };
}
