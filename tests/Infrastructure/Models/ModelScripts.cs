using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>What models are made to do.</summary>
internal static class ModelScripts
{
    public const string Greeting = "Grüße, 世界 🌍! \"Quoted\" \\ and\nbroken.";
    public const string Thought = "The user wants the weather… 思考";

    public static ModelAnswer Plain(ModelRequest request) => new(new ModelText(Greeting));

    /// <summary>Asks for two tools at once, then for one more, then tells what each of them said.</summary>
    public static ModelAnswer Tools(ModelRequest request)
    {
        RequireTool(request, "get_weather");
        return request.Results.Count switch
        {
            0 => new(new ModelText("Let me look."), Weather(1, "Köln 🌧"), Weather(2, "Paris")),
            2 => new(Weather(3, "Oslo")),
            _ => new(new ModelText(Retold(request))),
        };
    }

    /// <summary>Thinks, calls a tool, and wants its thoughts back with the tool's result.</summary>
    public static ModelAnswer Thinking(ModelRequest request)
    {
        RequireTool(request, "get_weather");
        if (!request.Thinks)
        {
            throw new ModelRefusalException(400, "The script wants to think, and was not asked to.");
        }

        return request.Results.Count == 0
            ? new(new ModelThought(Thought), Weather(1, "Oslo"))
            : new(new ModelText($"{Retold(request)} ({request.Signatures.Count} signed)"));
    }

    /// <summary>Tells what it sees.</summary>
    public static ModelAnswer Image(ModelRequest request) =>
        new(new ModelText(string.Join(", ", request.Images.Select(image => string.Create(CultureInfo.InvariantCulture, $"{image.MediaType} of {image.Bytes} bytes")))));

    /// <summary>JSON that fits the schema, if there is one.</summary>
    public static ModelAnswer Structured(ModelRequest request) =>
        new(new ModelText(request.Schema is { } schema ? Fitting(schema).ToJsonString() : "No schema arrived."));

    public static Func<ModelRequest, ModelAnswer> Fault(int status) =>
        _ => new() { Fault = new ModelFault(status, "said the model", status == 429 ? "7" : null) };

    public static ModelAnswer Breaking(ModelRequest request) => new(new ModelText(Greeting)) { Breaks = true };

    public static ModelAnswer Stalling(ModelRequest request) => new(new ModelText(Greeting)) { Stalls = true };

    /// <summary>Calls the first of these tools that is offered, then tells what it said. Whoever offers none gets a text, or the JSON asked for.</summary>
    public static Func<ModelRequest, ModelAnswer> Once(params (string Tool, string Arguments)[] calls) => request =>
    {
        if (request.Results.Count > 0)
        {
            return new(new ModelText($"Done: {request.Results[^1].Text}"));
        }

        foreach (var (tool, arguments) in calls)
        {
            if (request.Tools.Any(offered => offered.Name == tool))
            {
                return new(new ModelText("I write it."), new ModelToolCall("call_1", tool, arguments));
            }
        }

        return request.WantsJson ? Structured(request) : Plain(request);
    };

    /// <summary>The results by what was asked: a result at the wrong call shows.</summary>
    private static string Retold(ModelRequest request) => string.Join("; ", request.Calls.Select(call =>
    {
        var city = JsonElement.Parse(call.Arguments).GetProperty("city").GetString();
        return $"{city} is {request.Results.Single(result => result.CallId == call.Id).Text}";
    }));

    private static ModelToolCall Weather(int number, string city) =>
        new(string.Create(CultureInfo.InvariantCulture, $"call_{number}"), "get_weather", new JsonObject { ["city"] = city, ["days"] = number }.ToJsonString());

    private static void RequireTool(ModelRequest request, string name)
    {
        var tool = request.Tools.FirstOrDefault(tool => tool.Name == name) ?? throw new ModelRefusalException(400, $"The script needs the tool {name}.");
        var city = tool.Schema is { } schema && schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty("city", out var found) ? found : default;
        if (city.ValueKind != JsonValueKind.Object || !city.TryGetProperty("description", out _))
        {
            throw new ModelRefusalException(400, $"The schema of {name} lost its description of the city.");
        }
    }

    private static JsonNode Fitting(JsonElement schema) => TypeOf(schema) switch
    {
        "object" => new JsonObject(schema.GetProperty("properties").EnumerateObject().Select(property => KeyValuePair.Create(property.Name, (JsonNode?)Fitting(property.Value)))),
        "array" => new JsonArray(Fitting(schema.GetProperty("items"))),
        "integer" or "number" => 7,
        "boolean" => true,
        _ => schema.TryGetProperty("enum", out var values) ? values[values.GetArrayLength() - 1].GetString()! : "text",
    };

    // Gemini writes the names of types in capitals.
    private static string TypeOf(JsonElement schema) =>
        schema.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String ? type.GetString()!.ToLowerInvariant() : "";
}
