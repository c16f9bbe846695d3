namespace CCGate.Proxy.Journal;

/// <summary>Which records of the journal are still needed, and so which commits may go.</summary>
/// <remarks>
/// A request is needed twice: from its opening until it is complete, and from then until the read model counts it. A fact also stays for as long as
/// the commit with its opening does, or a restart would find an opening without a fact and take the request for an interrupted one.
/// </remarks>
internal sealed class JournalIndex
{
    private readonly Lock gate = new();
    private readonly Dictionary<Guid, long> open = [];
    private readonly Dictionary<Guid, Fact> facts = [];
    private readonly Dictionary<long, int> needed = [];
    private readonly Dictionary<long, List<long>> followers = [];
    private readonly Queue<Guid> arrived = [];
    private List<long> obsolete = [];
    private long last;
    private long opened;

    /// <summary>The newest commit that is accounted for here. The file may hold a newer one already: whether that is needed cannot be asked yet.</summary>
    public long Last => Volatile.Read(ref last);

    /// <summary>Requests in flight, and facts the read model does not count yet.</summary>
    public int Depth
    {
        get
        {
            lock (gate)
            {
                return open.Count + facts.Count;
            }
        }
    }

    /// <summary>Requests opened since this began.</summary>
    public long Opened => Volatile.Read(ref opened);

    public int InFlight
    {
        get
        {
            lock (gate)
            {
                return open.Count;
            }
        }
    }

    /// <summary>When the oldest fact that the read model does not count yet came to be; null when there is none. A request in flight is no fact, however long it takes.</summary>
    public DateTimeOffset? OldestFactAt
    {
        get
        {
            lock (gate)
            {
                Trim_NeedsLock();
                return arrived.TryPeek(out var id) ? facts[id].At : null;
            }
        }
    }

    /// <summary>Facts nobody else keeps yet.</summary>
    public int Undelivered
    {
        get
        {
            lock (gate)
            {
                return facts.Values.Count(fact => !fact.Delivered);
            }
        }
    }

    public void Committed(long sequence, IEnumerable<JournalRecord> records)
    {
        lock (gate)
        {
            foreach (var record in records)
            {
                if (record.IsOpening)
                {
                    if (open.TryAdd(record.Id, sequence))
                    {
                        Need_NeedsLock(sequence);
                        Volatile.Write(ref opened, opened + 1);
                    }
                }
                else if (!facts.ContainsKey(record.Id))
                {
                    Need_NeedsLock(sequence);
                    open.Remove(record.Id, out var openedIn);
                    facts.Add(record.Id, new Fact(sequence, openedIn, record.Timestamp, Delivered: false));
                    arrived.Enqueue(record.Id);
                    if (openedIn != 0)
                    {
                        Release_NeedsLock(openedIn);
                    }
                }
            }

            if (!needed.ContainsKey(sequence) && !obsolete.Contains(sequence))
            {
                obsolete.Add(sequence); // It only repeats what an earlier commit has.
            }

            Volatile.Write(ref last, sequence);
        }
    }

    /// <summary>Whether a fact still has to be delivered, or delivered again.</summary>
    public bool IsWanted(Guid id)
    {
        lock (gate)
        {
            return facts.ContainsKey(id);
        }
    }

    public void Delivered(IEnumerable<Guid> ids)
    {
        lock (gate)
        {
            foreach (var id in ids)
            {
                if (facts.TryGetValue(id, out var fact))
                {
                    facts[id] = fact with { Delivered = true };
                }
            }
        }
    }

    /// <summary>Facts somebody else keeps but the read model may not count yet.</summary>
    public IReadOnlyList<Guid> Uncounted()
    {
        lock (gate)
        {
            return [.. facts.Where(pair => pair.Value.Delivered).Select(pair => pair.Key)];
        }
    }

    /// <summary>The facts are counted: nothing here needs them.</summary>
    public void Counted(IEnumerable<Guid> ids)
    {
        lock (gate)
        {
            foreach (var id in ids)
            {
                if (!facts.Remove(id, out var fact))
                {
                    continue;
                }

                if (needed.ContainsKey(fact.Opened) && fact.Opened != fact.Sequence)
                {
                    followers.TryAdd(fact.Opened, []);
                    followers[fact.Opened].Add(fact.Sequence);
                }
                else
                {
                    Release_NeedsLock(fact.Sequence);
                }
            }

            Trim_NeedsLock();
        }
    }

    /// <summary>Commits that may be deleted; each is given once.</summary>
    public IReadOnlyCollection<long> TakeObsolete()
    {
        lock (gate)
        {
            var taken = obsolete;
            obsolete = [];
            return taken;
        }
    }

    public void PutBackObsolete(IReadOnlyCollection<long> taken)
    {
        lock (gate)
        {
            obsolete.AddRange(taken);
        }
    }

    private void Trim_NeedsLock()
    {
        while (arrived.TryPeek(out var first) && !facts.ContainsKey(first))
        {
            arrived.Dequeue();
        }
    }

    private void Need_NeedsLock(long sequence) => needed[sequence] = needed.GetValueOrDefault(sequence) + 1;

    private void Release_NeedsLock(long sequence)
    {
        var released = new Stack<long>([sequence]);
        while (released.TryPop(out var next))
        {
            if (--needed[next] > 0)
            {
                continue;
            }

            needed.Remove(next);
            obsolete.Add(next);
            if (followers.Remove(next, out var waiting))
            {
                waiting.ForEach(released.Push);
            }
        }
    }

    /// <param name="Sequence">The commit it is in; commits are numbered from 1.</param>
    /// <param name="Opened">The commit its opening is in; 0 when it has none.</param>
    /// <param name="At">When it came to be.</param>
    /// <param name="Delivered">Somebody else keeps it.</param>
    private readonly record struct Fact(long Sequence, long Opened, DateTimeOffset At, bool Delivered);
}
