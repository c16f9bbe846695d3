using System.Buffers;
using System.Text;
using System.Text.Json;
using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Translation;

/// <summary>One protocol, read and written: what a client says, for any upstream, and what an upstream says, for any client.</summary>
/// <remarks>Implementations have no state. Whatever they are given to read may be broken or hostile.</remarks>
internal interface IProtocol
{
    /// <summary>Reads a client's request.</summary>
    /// <exception cref="RefusedException">It is not one (400), or says what no other protocol can (<see cref="Losses.Refuse"/>).</exception>
    Conversation ReadRequest(Call call, Losses losses);

    /// <summary>Writes a request for an upstream: one JSON object.</summary>
    /// <exception cref="RefusedException">It cannot be said in this protocol, and leaving it out would change what it means.</exception>
    void WriteRequest(Conversation conversation, Utf8JsonWriter json, Losses losses);

    /// <summary>The path and query of an upstream, with <see cref="Call.ModelInPath"/> where the model belongs.</summary>
    string PathFor(bool streaming);

    /// <summary>Reads an upstream's answer that was not streamed.</summary>
    /// <exception cref="UnreadableAnswerException">It is not one.</exception>
    Answer ReadAnswer(JsonElement body);

    /// <summary>Writes an answer for a client: one JSON object.</summary>
    /// <param name="conversation">What was asked, for protocols whose answers repeat some of it.</param>
    void WriteAnswer(Answer answer, Conversation conversation, Utf8JsonWriter json);

    IAnswerReader StartReading();

    IAnswerWriter StartWriting(Conversation conversation);

    /// <summary>Reads an upstream's error, whatever its body is.</summary>
    Fault ReadError(int status, ReadOnlyMemory<byte> body);

    /// <summary>Writes an error for a client, and says the status that goes with it.</summary>
    int WriteError(Fault fault, string requestId, Utf8JsonWriter json);
}

/// <summary>Reads an upstream's stream, event by event.</summary>
internal interface IAnswerReader
{
    /// <summary>Takes one server-sent event; what is not understood is passed over.</summary>
    /// <exception cref="UnreadableAnswerException">It cannot be read.</exception>
    void Read(ReadOnlySpan<byte> name, ReadOnlySpan<byte> data, List<AnswerEvent> events);

    /// <summary>The bytes have come to their end: a protocol without a last word has ended here, if it had said why.</summary>
    void End(List<AnswerEvent> events);
}

/// <summary>Writes a client's stream, event by event. Every event is a whole frame, or nothing.</summary>
internal interface IAnswerWriter
{
    void Write(AnswerEvent next, IBufferWriter<byte> output);

    /// <summary>Such as <c>text/event-stream</c>.</summary>
    string ContentType { get; }
}

/// <summary>An upstream's answer is not what its protocol says it should be.</summary>
internal sealed class UnreadableAnswerException(string message) : Exception(message);

/// <summary>What a translation could not carry.</summary>
internal sealed class Losses
{
    private const int MostDropped = 32;
    private const int LongestName = 64;

    private readonly List<string> dropped = [];

    /// <summary>What was left out without changing what the request means, by the client's names: for <c>x-ccgate-dropped</c>.</summary>
    public IReadOnlyList<string> Dropped => dropped;

    /// <summary>Leaves out what is not worth a refusal: hints, and wishes that the answer need not fulfil.</summary>
    public void Drop(string field)
    {
        var name = Header(field);
        if (dropped.Count < MostDropped && !dropped.Contains(name))
        {
            dropped.Add(name);
        }
    }

    /// <summary>A name may be the client's own bytes, and it goes into a header.</summary>
    private static string Header(string field) => string.Create(Math.Min(field.Length, LongestName), field, static (name, field) =>
    {
        for (var i = 0; i < name.Length; i++)
        {
            name[i] = field[i] is >= ' ' and < '\x7f' and not ',' ? field[i] : '?';
        }
    });

    /// <summary>The refusal of what cannot be carried and must not be left out.</summary>
    /// <param name="field">By the client's name, such as <c>tools[3].type</c>.</param>
    /// <param name="why">Such as "no upstream of the kind gemini runs it".</param>
    public static RefusedException Refuse(string field, string why) => new(RefusalReason.InvalidRequest, $"{field}: {why}.");
}

/// <summary>Marks the opaque bytes of one kind of provider in the protocol of another, so that they come back to the kind that made them and to no other.</summary>
/// <remarks>
/// <code>
/// ccgate.gemini.CiQB3…      a signature of Gemini's, in a thinking block of Claude Code's
/// </code>
/// </remarks>
internal static class Signatures
{
    public const string Prefix = "ccgate.";

    private static readonly string[] Makers = ["anthropic.", "openai.", "responses.", "gemini.", "call.", "unsigned"];

    /// <summary>The signature as it is kept in a <see cref="ThinkingPart"/> or <see cref="ToolCallPart"/>: always with its maker's name.</summary>
    /// <param name="maker"><c>anthropic</c>, <c>openai</c>, <c>responses</c> or <c>gemini</c>.</param>
    public static string Mark(string maker, string signature) => signature.StartsWith(Prefix, StringComparison.Ordinal) ? signature : $"{Prefix}{maker}.{signature}";

    /// <summary>The maker's own bytes, for the maker; null when another one made it.</summary>
    public static string? For(string maker, string? marked) =>
        marked is not null && marked.StartsWith($"{Prefix}{maker}.", StringComparison.Ordinal) ? marked[(Prefix.Length + maker.Length + 1)..] : null;

    /// <summary>Whether a string in a JSON document begins with a mark, in any of the forms that clients of the protocols keep it in.</summary>
    public static bool IsMarkedIn(ReadOnlySpan<byte> json)
    {
        // "ccgate" in Base64, as Gemini's clients keep it.
        if (json.IndexOf("\"Y2NnYXRl"u8) >= 0)
        {
            return true;
        }

        for (var start = 0; json[start..].IndexOf("ccgate."u8) is >= 0 and var found;)
        {
            var at = start + found;
            start = at + Prefix.Length;
            if (BeginsString(json[..at]) && NamesMaker(json[start..]))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>As a client keeps it: bare when its own protocol's provider made it, else marked.</summary>
    public static string ForClient(string maker, string marked) => For(maker, marked) ?? marked;

    /// <summary>Whether a mark stands at the beginning of a string, or behind what the clients of OpenAI's responses keep in front of it.</summary>
    private static bool BeginsString(ReadOnlySpan<byte> before) => before is [.., (byte)'"'] || before.EndsWith("\"call:"u8) || before.EndsWith("\"redacted:"u8);

    private static bool NamesMaker(ReadOnlySpan<byte> rest)
    {
        foreach (var maker in Makers)
        {
            if (rest.Length > maker.Length && Ascii.Equals(rest[..maker.Length], maker))
            {
                return true;
            }
        }

        return false;
    }
}
