namespace CCGate.Proxy.Upstreams;

/// <summary>The requests an upstream serves at a time, and those that wait for one to end, first come, first served. Thread-safe.</summary>
internal sealed class ConcurrencyGate
{
    private readonly Lock gate = new();
    private readonly LinkedList<Waiter> waiting = new();
    private int inFlight;

    public int InFlight => Volatile.Read(ref inFlight);

    public int Waiting
    {
        get
        {
            lock (gate)
            {
                return waiting.Count;
            }
        }
    }

    /// <summary>Takes a place; never past those who wait for one.</summary>
    public bool TryEnter(int? max)
    {
        lock (gate)
        {
            if (max is { } most && (inFlight >= most || waiting.Count > 0))
            {
                return false;
            }

            inFlight++;
            return true;
        }
    }

    /// <summary>Joins the queue; false when it is full. What waits in several queues is served by the first that has a place.</summary>
    public bool TryQueue(Waiter waiter, int? max, int maxQueued)
    {
        lock (gate)
        {
            // A place may have come free since it was asked for.
            if ((max is null || inFlight < max) && waiting.Count == 0)
            {
                inFlight += waiter.TryServe(this) ? 1 : 0;
                return true;
            }

            if (waiting.Count >= maxQueued)
            {
                return false;
            }

            waiting.AddLast(waiter);
            return true;
        }
    }

    public void Remove(Waiter waiter)
    {
        lock (gate)
        {
            waiting.Remove(waiter);
        }
    }

    /// <summary>Gives a place back: to the first who waits for it, if anybody does.</summary>
    public void Leave(int? max)
    {
        lock (gate)
        {
            while (waiting.First is { } first && (max is null || inFlight <= max))
            {
                waiting.RemoveFirst();
                if (first.Value.TryServe(this))
                {
                    return; // The place goes over as it is.
                }
            }

            inFlight--;
        }
    }

    /// <summary>A request that waits for a place at any of several upstreams.</summary>
    internal sealed class Waiter
    {
        private readonly TaskCompletionSource<ConcurrencyGate?> served = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Where the place is; null when it gave up.</summary>
        public Task<ConcurrencyGate?> Served => served.Task;

        public bool TryServe(ConcurrencyGate gate) => served.TrySetResult(gate);

        /// <summary>False when a place came first.</summary>
        public bool TryGiveUp() => served.TrySetResult(null);
    }
}
