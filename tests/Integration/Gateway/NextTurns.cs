using System.Text;
using System.Text.Json.Nodes;

namespace CCGate.Tests.Integration.Gateway;

/// <summary>Plays a client that calls the tools it is asked to and gives everything back, as clients do.</summary>
internal static class NextTurns
{
    private const string Schema = """{"type":"object","properties":{"city":{"type":"string"},"unit":{"type":"string"}}}""";

    private static readonly string[] SignatureNames = ["signature", "thoughtSignature", "thought_signature", "encrypted_content"];

    public static byte[] First(Spoken client, Spoken upstream, bool stream) => Body(client, upstream, stream, []);

    /// <summary>The model's turn, and the user's that answers it.</summary>
    public static JsonNode[] Said(Spoken client, string text, bool streamed)
    {
        var answer = JsonNode.Parse(client.Name == "gemini" && streamed ? Joined(text) : client.Name == "responses" && streamed ? LastOf(text) : text)!;
        return client.Name switch
        {
            "anthropic" =>
            [
                new JsonObject { ["role"] = "assistant", ["content"] = answer["content"]!.DeepClone() },
                new JsonObject { ["role"] = "user", ["content"] = ArrayOf(answer["content"]!, "tool_use", call => new JsonObject { ["type"] = "tool_result", ["tool_use_id"] = (string)call["id"]!, ["content"] = "ok" }) },
            ],
            "chat" =>
            [
                answer["choices"]![0]!["message"]!.DeepClone(),
                .. answer["choices"]![0]!["message"]!["tool_calls"]!.AsArray().Select(call => new JsonObject { ["role"] = "tool", ["tool_call_id"] = (string)call!["id"]!, ["content"] = "ok" }),
            ],
            "responses" =>
            [
                .. answer["output"]!.AsArray().Select(item => item!.DeepClone()),
                .. ArrayOf(answer["output"]!, "function_call", call => new JsonObject { ["type"] = "function_call_output", ["call_id"] = (string)call["call_id"]!, ["output"] = "ok" }).Select(item => item!.DeepClone()),
            ],
            _ => [answer["candidates"]![0]!["content"]!.DeepClone(), new JsonObject { ["role"] = "user", ["parts"] = Results(answer["candidates"]![0]!["content"]!["parts"]!) }],
        };
    }

    public static byte[] Second(Spoken client, Spoken upstream, JsonNode[] said) => Body(client, upstream, stream: false, said);

    /// <summary>The one signature in a request; null when there is none.</summary>
    public static string? SignatureIn(string request)
    {
        var found = new List<string>();
        Search(JsonNode.Parse(request), found);
        return found.SingleOrDefault();
    }

    private static void Search(JsonNode? node, List<string> found)
    {
        if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                Search(item, found);
            }
        }

        foreach (var (name, value) in node as JsonObject ?? [])
        {
            // Gemini takes this word for calls that nobody signed.
            if (SignatureNames.Contains(name) && value is JsonValue && (string?)value is { Length: > 0 } signature && signature != "skip_thought_signature_validator")
            {
                found.Add(signature);
            }

            Search(value, found);
        }
    }

    private static byte[] Body(Spoken client, Spoken upstream, bool stream, JsonNode[] said)
    {
        var question = JsonNode.Parse(client.Name == "gemini" ? """{"role":"user","parts":[{"text":"Weather?"}]}""" : """{"role":"user","content":"Weather?"}""")!;
        var body = JsonNode.Parse(client.Name switch
        {
            "anthropic" => $$$"""{"max_tokens":16000,"thinking":{"type":"enabled","budget_tokens":4000},"tools":[{"name":"get_weather","input_schema":{{{Schema}}}},{"name":"now","input_schema":{"type":"object"}}]}""",
            "chat" => $$$"""{"tools":[{"type":"function","function":{"name":"get_weather","parameters":{{{Schema}}}}},{"type":"function","function":{"name":"now"}}],"reasoning_effort":"medium"}""",
            "responses" => $$$"""{"store":false,"include":["reasoning.encrypted_content"],"reasoning":{"effort":"medium","summary":"auto"},"tools":[{"type":"function","name":"get_weather","parameters":{{{Schema}}},"strict":false},{"type":"function","name":"now","parameters":{"type":"object"},"strict":false}]}""",
            _ => $$$"""{"generationConfig":{"thinkingConfig":{"includeThoughts":true,"thinkingBudget":4000}},"tools":[{"functionDeclarations":[{"name":"get_weather","parametersJsonSchema":{{{Schema}}}},{"name":"now"}]}]}""",
        })!;
        body[client.Name switch { "gemini" => "contents", "responses" => "input", _ => "messages" }] = new JsonArray([question, .. said.Select(turn => turn.DeepClone())]);
        if (client.Name != "gemini")
        {
            (body["model"], body["stream"]) = (upstream.Model, stream);
        }

        return Encoding.UTF8.GetBytes(body.ToJsonString());
    }

    private static JsonArray ArrayOf(JsonNode items, string type, Func<JsonNode, JsonNode> select) => new([.. items.AsArray().Where(item => (string?)item!["type"] == type).Select(item => select(item!))]);

    private static JsonArray Results(JsonNode parts)
    {
        var results = new JsonArray();
        foreach (var call in parts.AsArray().Select(part => part!["functionCall"]).OfType<JsonObject>())
        {
            var result = new JsonObject { ["name"] = (string)call["name"]!, ["response"] = new JsonObject { ["output"] = "ok" } };
            if (call["id"] is { } id)
            {
                result["id"] = (string)id!;
            }

            results.Add(new JsonObject { ["functionResponse"] = result });
        }

        return results;
    }

    /// <summary>Gemini's chunks as one answer: a client keeps the parts of all of them.</summary>
    private static string Joined(string stream)
    {
        var chunks = Spoken.FramesOf(stream).Select(frame => JsonNode.Parse(frame["data: ".Length..])!).ToList();
        var parts = new JsonArray([.. chunks.SelectMany(chunk => chunk["candidates"]![0]!["content"]!["parts"]!.AsArray()).Select(part => part!.DeepClone())]);
        return new JsonObject { ["candidates"] = new JsonArray(new JsonObject { ["content"] = new JsonObject { ["role"] = "model", ["parts"] = parts } }) }.ToJsonString();
    }

    private static string LastOf(string stream)
    {
        var last = Spoken.FramesOf(stream)[^1];
        return JsonNode.Parse(last[(last.IndexOf("data: ", StringComparison.Ordinal) + 6)..])!["response"]!.ToJsonString();
    }
}
