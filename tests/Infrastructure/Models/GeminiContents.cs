using System.Globalization;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>Reads the contents of a request to Gemini, with the rules that tie one to the next.</summary>
internal sealed class GeminiContents(ModelRequest request)
{
    // What a client puts where it has no signature, such as in a history of another model's: https://ai.google.dev/gemini-api/docs/thought-signatures
    private static readonly string[] Waivers = ["skip_thought_signature_validator", "context_engineering_is_the_way_to_go"];

    private readonly List<ModelToolCall> open = [];

    public void Read(RequestNode contents)
    {
        var all = contents.Items;
        if (all.Count == 0)
        {
            throw contents.Refusal("contents is not specified");
        }

        var turn = BeginOfTurn(all);
        foreach (var (index, content) in all.Index())
        {
            if ((content.Only("role", "parts").Find("role")?.OneOf("user", "model") ?? "user") == "model")
            {
                ReadModel(content, mustSign: index > turn);
            }
            else
            {
                ReadUser(content);
            }
        }

        if (open.Count > 0)
        {
            throw contents.Refusal("Please ensure that function call turn is followed by a function response turn.");
        }
    }

    /// <summary>The last content in which the user said something, instead of answering a call.</summary>
    private static int BeginOfTurn(IReadOnlyList<RequestNode> contents)
    {
        for (var index = contents.Count - 1; index >= 0; index--)
        {
            if (contents[index].Find("role")?.Text != "model" && !contents[index].ItemsOf("parts").Any(part => part.Find("functionResponse") is not null))
            {
                return index;
            }
        }

        return -1;
    }

    private void ReadModel(RequestNode content, bool mustSign)
    {
        if (open.Count > 0)
        {
            throw content.Refusal("Please ensure that function call turn comes immediately after a user turn or after a function response turn.");
        }

        foreach (var part in Parts(content))
        {
            Verify(part);
            if (part.Find("functionCall")?.Only("id", "name", "args") is not { } call)
            {
                continue;
            }

            if (mustSign && open.Count == 0 && part.Find("thoughtSignature") is null)
            {
                throw part.Refusal($"Function call is missing a thought_signature in functionCall parts: {call["name"].Text}");
            }

            // A call without an id is answered by its position.
            var id = call.Find("id")?.NonEmptyText ?? string.Create(CultureInfo.InvariantCulture, $"position_{request.Calls.Count}");
            open.Add(new ModelToolCall(id, call["name"].NonEmptyText, call.Find("args")?.AnObject().Json.GetRawText() ?? "{}"));
            request.Calls.Add(open[^1]);
        }
    }

    private void Verify(RequestNode part)
    {
        if (part.Find("thoughtSignature") is not { } signature || Waivers.Contains(signature.Text))
        {
            return;
        }

        if (part.Find("functionCall") is not { } call || signature.Text != ModelSignature.Of("gemini", call["name"].Text))
        {
            throw signature.Refusal("Thought signature is not valid.");
        }

        request.Signatures.Add(signature.Text);
    }

    private void ReadUser(RequestNode content)
    {
        var responses = 0;
        foreach (var part in Parts(content))
        {
            if (part.Find("functionResponse") is { } response)
            {
                ReadResponse(response, responses++);
            }
            else if (part.Find("text") is { } text)
            {
                request.Texts.Add(text.Text);
            }
            else if (part.Find("inlineData")?.Only("mimeType", "data", "displayName") is { } data)
            {
                request.Images.Add(new ModelImage(data["mimeType"].Matching("^image/(png|jpeg|webp|heic|heif)$"), data["data"].Bytes));
            }
        }

        if (open.Count > 0 && responses != open.Count)
        {
            throw content.Refusal("Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.");
        }

        open.Clear();
    }

    private void ReadResponse(RequestNode response, int index)
    {
        response.Only("id", "name", "response", "willContinue", "scheduling", "parts");
        if (index >= open.Count)
        {
            throw response.Refusal("Please ensure that function response turn comes immediately after a function call turn.");
        }

        var call = response.Find("id") is { } id ? open.Find(call => call.Id == id.Text) : open[index];
        if (call is null || call.Name != response["name"].NonEmptyText)
        {
            throw response.Refusal("the function response answers no function call of the turn before");
        }

        // By convention the result is under "output", or "result", or is an error.
        var said = response["response"].AnObject();
        var text = said.Find("output") ?? said.Find("result") ?? said.Find("content") ?? said.Find("error");
        request.Results.Add(new ModelToolResult(call.Id, text is { IsText: true } found ? found.Text : said.Json.GetRawText()));
    }

    private static IReadOnlyList<RequestNode> Parts(RequestNode content)
    {
        var parts = content["parts"].Items;
        foreach (var part in parts)
        {
            part.Only("text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "videoMetadata", "mediaResolution");
            var kinds = part.Json.EnumerateObject().Count(member => member.Name is "text" or "inlineData" or "fileData" or "functionCall" or "functionResponse");
            if (kinds != 1)
            {
                throw part.Refusal("required oneof field 'data' must have one initialized field");
            }
        }

        return parts.Count > 0 ? parts : throw content.Refusal("must include at least one parts field");
    }
}
