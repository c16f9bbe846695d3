using System.Buffers;
using System.Text;
using System.Text.Json;
using static CCGate.Proxy.Translation.Gemini.GeminiJson;

namespace CCGate.Proxy.Translation.Gemini;

/// <summary>Log probabilities, as Gemini has them and as OpenAI's chat does.</summary>
/// <remarks>
/// <code>
/// {"chosenCandidates": [{"token": "a", "logProbability": -0.1}], "topCandidates": [{"candidates": [{"token": "a", "logProbability": -0.1}, …]}]}
/// [{"token": "a", "logprob": -0.1, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.1, "bytes": [97]}, …]}]
/// </code>
/// https://ai.google.dev/api/generate-content#LogprobsResult.
/// </remarks>
internal static class GeminiLogprobs
{
    public static List<JsonElement> Read(JsonElement result)
    {
        var entries = new List<JsonElement>();
        if (Member(result, "chosenCandidates") is not { ValueKind: JsonValueKind.Array } chosen)
        {
            return entries;
        }

        var top = Member(result, "topCandidates") is { ValueKind: JsonValueKind.Array } given ? given : (JsonElement?)null;
        var buffer = new ArrayBufferWriter<byte>(256);
        var index = 0;
        foreach (var candidate in chosen.EnumerateArray())
        {
            buffer.ResetWrittenCount();
            using (var json = new Utf8JsonWriter(buffer))
            {
                var others = top is { } list && index < list.GetArrayLength() ? Member(list[index], "candidates") : null;
                WriteEntry(json, candidate, others);
            }

            entries.Add(JsonElement.Parse(buffer.WrittenSpan));
            index++;
        }

        return entries;
    }

    public static void Write(Utf8JsonWriter json, IReadOnlyList<JsonElement> entries)
    {
        json.WriteStartObject("logprobsResult"u8);
        json.WriteStartArray("topCandidates"u8);
        foreach (var entry in entries)
        {
            json.WriteStartObject();
            json.WriteStartArray("candidates"u8);
            if (Member(entry, "top_logprobs") is { ValueKind: JsonValueKind.Array } top)
            {
                foreach (var other in top.EnumerateArray())
                {
                    WriteCandidate(json, other);
                }
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("chosenCandidates"u8);
        foreach (var entry in entries)
        {
            WriteCandidate(json, entry);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter json, JsonElement candidate, JsonElement? others)
    {
        json.WriteStartObject();
        WriteToken(json, candidate);
        json.WriteStartArray("top_logprobs"u8);
        if (others is { ValueKind: JsonValueKind.Array } list)
        {
            foreach (var other in list.EnumerateArray())
            {
                json.WriteStartObject();
                WriteToken(json, other);
                json.WriteEndObject();
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteToken(Utf8JsonWriter json, JsonElement candidate)
    {
        var token = Text(candidate, "token") ?? "";
        json.WriteString("token"u8, token);
        json.WriteNumber("logprob"u8, Probability(Member(candidate, "logProbability")));
        json.WriteStartArray("bytes"u8);
        foreach (var one in Encoding.UTF8.GetBytes(token))
        {
            json.WriteNumberValue(one);
        }

        json.WriteEndArray();
    }

    private static void WriteCandidate(Utf8JsonWriter json, JsonElement entry)
    {
        json.WriteStartObject();
        json.WriteString("token"u8, Text(entry, "token") ?? "");
        json.WriteNumber("logProbability"u8, Probability(Member(entry, "logprob")));
        json.WriteEndObject();
    }

    private static double Probability(JsonElement? value) =>
        value is { ValueKind: JsonValueKind.Number } number && double.IsFinite(number.GetDouble()) ? number.GetDouble() : 0;
}
