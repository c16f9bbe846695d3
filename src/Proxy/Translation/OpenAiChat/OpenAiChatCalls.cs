using System.Text;
using System.Text.Json;
using CCGate.Proxy.Usage;

namespace CCGate.Proxy.Translation.OpenAiChat;

/// <summary>Puts the tool calls of a stream one after another: their pieces have an index, and nothing forbids that they come mixed.</summary>
/// <remarks>
/// The first call goes out as it comes. Whatever else comes before its arguments are a whole JSON text is held back until they are, or the model has stopped.
/// Mirrors: a whole call in one piece; no id, or an empty one, or another in each piece; the name again in each piece; every call with the index 0, or with none.
/// </remarks>
internal sealed class OpenAiChatCalls
{
    private const int MostHeldCharacters = 4 * 1024 * 1024;
    private const int MostCalls = 1024;
    private const int FunctionIndex = -1;

    private readonly List<PendingCall> calls = [];
    private readonly List<AnswerEvent> held = [];
    private long heldCharacters;
    private int current;

    /// <summary>Whether a call was told.</summary>
    public bool Any { get; private set; }

    public string AnswerId { get; set; } = "";

    /// <summary>Takes what is no call: it must not come between the pieces of one.</summary>
    public void Pass(AnswerEvent other, List<AnswerEvent> events)
    {
        if (current == calls.Count - 1 && calls[current] is { IsOut: true, IsWhole: true })
        {
            current++;
        }

        if (current == calls.Count)
        {
            events.Add(other);
            return;
        }

        Hold(other switch { TextDelta text => text.Text.Length, ThinkingDelta thinking => thinking.Text.Length, _ => 512 });
        held.Add(other);
    }

    public void Read(JsonElement piece, List<AnswerEvent> events)
    {
        var custom = UsageJson.Child(piece, "custom");
        var function = custom ?? UsageJson.Child(piece, "function");
        var name = function is { } named ? UsageJson.Text(named, "name") ?? "" : "";
        var text = function is { } said ? Arguments(said, custom is null ? "arguments" : "input") : "";
        var call = Find(IndexOf(piece), UsageJson.Text(piece, "id") ?? "", name.Length > 0, text.Length > 0);
        call.IsCustom |= custom is not null;
        call.Signature ??= OpenAiChatMessageReader.Signature(piece);
        Add(call, name, text, events);
    }

    public void ReadFunction(JsonElement function, List<AnswerEvent> events)
    {
        var call = calls.Find(call => call.Index == FunctionIndex) ?? Begin(FunctionIndex);
        Add(call, UsageJson.Text(function, "name") ?? "", Arguments(function, "arguments"), events);
    }

    /// <summary>No call goes on any more.</summary>
    public void Flush(List<AnswerEvent> events)
    {
        for (; current < calls.Count; current++)
        {
            if (!calls[current].IsNothing)
            {
                Release(calls[current], events);
            }
        }

        events.AddRange(held);
        held.Clear();
        heldCharacters = 0;
    }

    private void Add(PendingCall call, string name, string text, List<AnswerEvent> events)
    {
        call.Name = call.Name.Length > 0 ? call.Name : name;
        call.Append(text);
        while (current < calls.Count && calls[current].Name.Length > 0)
        {
            Release(calls[current], events);
            if (current == calls.Count - 1 || !calls[current].IsWhole)
            {
                break;
            }

            current++;
        }

        if (!call.IsOut)
        {
            Hold(text.Length + 64);
        }
    }

    private void Release(PendingCall call, List<AnswerEvent> events)
    {
        if (call.Name.Length == 0)
        {
            throw new UnreadableAnswerException("A tool call of the upstream's stream has no name.");
        }

        Any = true;
        call.Release(events);
    }

    private PendingCall Find(int? index, string id, bool isNamed, bool hasText)
    {
        var found = index is { } at ? calls.FindLast(call => call.Index == at) : calls.Count > 0 ? calls[^1] : null;
        if (found is null || (isNamed && IsAnother(found, id, hasText, isIndexed: index is not null)))
        {
            found = Begin(index ?? calls.Count);
        }

        if (!found.IsOut && found.HasMadeId && id.Length > 0)
        {
            found.Id = id;
        }

        return found;
    }

    /// <summary>Whether a piece with a name begins a call of its own, though it has the index of another one, or none.</summary>
    private static bool IsAnother(PendingCall found, string id, bool hasText, bool isIndexed) => id.Length > 0
        ? id != found.Id && (found.IsWhole || (!isIndexed && !found.HasMadeId))
        : found.HasMadeId && found.IsWhole && hasText;

    private PendingCall Begin(int index)
    {
        if (calls.Count >= MostCalls)
        {
            throw new UnreadableAnswerException($"The upstream's stream has more than {MostCalls} tool calls.");
        }

        var call = new PendingCall(index, OpenAiChatAnswerReader.CallId(AnswerId, calls.Count));
        calls.Add(call);
        return call;
    }

    private void Hold(int characters)
    {
        heldCharacters += characters;
        if (heldCharacters > MostHeldCharacters)
        {
            throw new UnreadableAnswerException("The upstream's stream mixes the pieces of its tool calls with too much else.");
        }
    }

    private static string Arguments(JsonElement function, string name) => UsageJson.Child(function, name)?.GetRawText() ?? UsageJson.Text(function, name) ?? "";

    private static int? IndexOf(JsonElement piece) =>
        piece.TryGetProperty("index"u8, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) && number >= 0 ? number : null;

    /// <summary>A call that may go on.</summary>
    private sealed class PendingCall(int index, string madeId)
    {
        private readonly StringBuilder waiting = new();
        private string? givenId;
        private int depth;
        private bool isInString;
        private bool isEscaped;

        public int Index => index;

        public string Id
        {
            get => givenId ?? madeId;
            set => givenId = value;
        }

        public bool HasMadeId => givenId is null;

        public string Name { get; set; } = "";

        public string? Signature { get; set; }

        public bool IsCustom { get; set; }

        /// <summary>It has been told to the client.</summary>
        public bool IsOut { get; private set; }

        /// <summary>Its arguments are a whole object. Of text nobody can tell.</summary>
        public bool IsWhole { get; private set; }

        /// <summary>A piece without anything, which some mirrors begin with.</summary>
        public bool IsNothing => !IsOut && HasMadeId && Name.Length == 0 && waiting.Length == 0;

        /// <summary>What comes after a whole JSON text is no part of it: white space, or the text once more.</summary>
        public void Append(string text)
        {
            var length = 0;
            while (length < text.Length && !IsWhole)
            {
                Follow(text[length++]);
            }

            waiting.Append(text, 0, length);
        }

        public void Release(List<AnswerEvent> events)
        {
            if (!IsOut)
            {
                IsOut = true;
                events.Add(new ToolCallBegan(Id, Name) { Signature = Signature is null ? null : Signatures.Mark(OpenAiChatProtocol.Maker, Signature) });
            }

            if (waiting.Length > 0)
            {
                events.Add(new ToolCallDelta(waiting.ToString()));
                waiting.Clear();
            }
        }

        private void Follow(char next)
        {
            if (isInString)
            {
                isInString = isEscaped || next != '"';
                isEscaped = !isEscaped && next == '\\';
                return;
            }

            isInString = next == '"';
            depth += next is '{' or '[' ? 1 : next is '}' or ']' ? -1 : 0;
            IsWhole |= !IsCustom && depth == 0 && next is '}' or ']';
        }
    }
}
