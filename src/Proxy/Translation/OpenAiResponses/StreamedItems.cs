using System.Text.Json;

namespace CCGate.Proxy.Translation.OpenAiResponses;

/// <summary>The items of an upstream's stream, and which of them is told: the first that is not done, while the others wait.</summary>
internal sealed class StreamedItems
{
    private const int MaxItems = 4096;
    private const int MaxHeldChars = 8 * 1024 * 1024;
    private const int CharsPerEvent = 64;

    private readonly Dictionary<int, StreamedItem> items = [];
    private readonly Queue<StreamedItem> open = [];
    private StreamedItem? latest;
    private int held;

    public int Count => items.Count;

    /// <summary>Where it is told.</summary>
    public List<AnswerEvent> Told { get; set; } = [];

    /// <summary>The one that is told; null when all are done.</summary>
    public StreamedItem? First => open.TryPeek(out var first) ? first : null;

    public StreamedItem? Known(int index) => items.GetValueOrDefault(index);

    public void Finish(StreamedItem item)
    {
        item.IsDone = true;
        Advance();
    }

    /// <summary>The item an event is about: by its place, else by its id, else the latest one.</summary>
    public StreamedItem Find(JsonElement document, string? type, string? id = null, bool isNew = false)
    {
        id ??= ResponsesJson.Text(document, "item_id");
        if (ResponsesJson.Count(document, "output_index") is { } index)
        {
            return At(index, type, id);
        }

        foreach (var item in open)
        {
            if (id is not null && item.Id == id)
            {
                item.Type ??= type;
                return item;
            }
        }

        return !isNew && latest is { IsDone: false } at && (id is null || at.Id is null) && (type is null || at.Type is null || at.Type == type)
            ? At(at, type)
            : At(items.Count, type, id);
    }

    private static StreamedItem At(StreamedItem item, string? type)
    {
        item.Type ??= type;
        return item;
    }

    public StreamedItem At(int index, string? type, string? id)
    {
        if (items.TryGetValue(index, out var item))
        {
            return At(item, type);
        }

        if (items.Count == MaxItems)
        {
            throw new UnreadableAnswerException("The upstream's stream has more items than any model writes.");
        }

        items[index] = latest = item = new StreamedItem { Type = type, Id = id };
        open.Enqueue(item);
        return item;
    }

    public void Tell(StreamedItem item, AnswerEvent next)
    {
        if (open.TryPeek(out var first) && first == item)
        {
            Told.Add(next);
            return;
        }

        held += CharsPerEvent + (next switch
        {
            TextDelta text => text.Text.Length,
            RefusalDelta refusal => refusal.Text.Length,
            ThinkingDelta thinking => thinking.Text.Length,
            ThinkingSigned signed => signed.Signature.Length,
            ToolCallDelta call => call.Arguments.Length,
            LogprobsAdded logprobs => logprobs.Entries.Count * CharsPerEvent,
            _ => 0,
        });
        if (held > MaxHeldChars)
        {
            throw new UnreadableAnswerException("The upstream's stream does not end the items it began.");
        }

        item.Held.Add(next);
    }

    /// <summary>Goes on to the next item that is not done, and tells what waited.</summary>
    private void Advance()
    {
        while (open.TryPeek(out var first))
        {
            Told.AddRange(first.Held);
            first.Held.Clear();
            if (!first.IsDone)
            {
                return;
            }

            open.Dequeue();
        }

        held = 0;
    }
}
