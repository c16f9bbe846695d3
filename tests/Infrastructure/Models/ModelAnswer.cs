using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using CCGate.Contracts;

namespace CCGate.Tests.Infrastructure.Models;

/// <summary>What a model answers, in no protocol.</summary>
internal sealed record ModelAnswer(params ModelPart[] Parts)
{
    public string Id { get; init; } = "";

    /// <summary>What the provider will bill.</summary>
    public TokenUsage Usage { get; init; } = new();

    /// <summary>Instead of an answer.</summary>
    public ModelFault? Fault { get; init; }

    /// <summary>A stream says in its middle that the model failed.</summary>
    public bool Breaks { get; init; }

    /// <summary>A stream stops in its middle, and goes on for as long as somebody listens.</summary>
    public bool Stalls { get; init; }

    public bool CallsTools => Parts.Any(part => part is ModelToolCall);

    public string Text => string.Concat(Parts.OfType<ModelText>().Select(part => part.Text));

    public string Thoughts => string.Concat(Parts.OfType<ModelThought>().Select(part => part.Text));
}

internal abstract record ModelPart;

internal sealed record ModelText(string Text) : ModelPart;

/// <summary>The provider signs it, where its protocol has signatures.</summary>
internal sealed record ModelThought(string Text) : ModelPart;

internal sealed record ModelToolCall(string Id, string Name, string Arguments) : ModelPart;

internal sealed record ModelFault(int Status, string Message, string? RetryAfter = null);

/// <summary>How a provider signs what must come back as it was.</summary>
internal static class ModelSignature
{
    public static string Of(string provider, string content) => Convert.ToBase64String(SHA512.HashData(Encoding.UTF8.GetBytes($"{provider}\n{content}")));
}

/// <summary>Pieces of a text as models stream them.</summary>
internal static class ModelPieces
{
    public static IEnumerable<string> Of(string text)
    {
        var elements = new List<string>();
        for (var walk = StringInfo.GetTextElementEnumerator(text); walk.MoveNext();)
        {
            elements.Add(walk.GetTextElement());
        }

        return elements.Chunk(5).Select(chunk => string.Concat(chunk));
    }
}
