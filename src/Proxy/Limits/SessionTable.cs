using CCGate.Proxy.Pipeline;

namespace CCGate.Proxy.Limits;

/// <summary>Which sessions are in use: those with a request in flight, and those whose last one ended a short while ago. Everything here needs the ledger's lock.</summary>
internal sealed class SessionTable(TimeProvider time)
{
    private readonly Dictionary<LimitSubject, Dictionary<string, Use>> subjects = [];

    /// <summary>How long a session is in use after its last request.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromMinutes(5);

    /// <summary>Null when a session may go on, or begin.</summary>
    public Refusal? Shortage(LimitPath path, string session)
    {
        foreach (var check in path.Sessions)
        {
            if (!subjects.TryGetValue(check.Subject, out var uses) || uses.ContainsKey(session))
            {
                continue;
            }

            foreach (var (name, use) in uses)
            {
                if (use.InFlight == 0 && time.GetElapsedTime(use.LastUsed) >= Lifetime)
                {
                    uses.Remove(name);
                }
            }

            if (uses.Count >= check.Max)
            {
                return Refused(check, EndsOf(uses.Values));
            }
        }

        // A limit of none at all.
        return path.Sessions.FirstOrDefault(check => check.Max == 0) is { } closed ? Refused(closed, []) : null;
    }

    public void Enter(LimitPath path, string session)
    {
        foreach (var check in path.Sessions)
        {
            if (!subjects.TryGetValue(check.Subject, out var uses))
            {
                subjects.Add(check.Subject, uses = new Dictionary<string, Use>(StringComparer.Ordinal));
            }

            uses[session] = new Use(uses.GetValueOrDefault(session).InFlight + 1, time.GetTimestamp());
        }
    }

    /// <param name="path">The path it was entered on.</param>
    /// <param name="session">The session.</param>
    /// <param name="remembers">Whether it stays in use for its lifetime here; not where somebody else counts it.</param>
    public void Leave(LimitPath path, string session, bool remembers)
    {
        foreach (var check in path.Sessions)
        {
            if (subjects.TryGetValue(check.Subject, out var uses) && uses.TryGetValue(session, out var use))
            {
                uses[session] = new Use(Math.Max(0, use.InFlight - 1), time.GetTimestamp());
                if (!remembers && use.InFlight <= 1)
                {
                    uses.Remove(session);
                }
            }
        }
    }

    /// <summary>Sessions with a request in flight, for those who keep them alive elsewhere.</summary>
    public List<(LimitSubject Subject, string Session)> InFlight() =>
        [.. subjects.SelectMany(subject => subject.Value.Where(use => use.Value.InFlight > 0), (subject, use) => (subject.Key, use.Key))];

    public static Refusal Refused(SessionCheck check, IEnumerable<TimeSpan> ends) => new(
        RefusalReason.RateLimited,
        FormattableString.Invariant($"The {check.Subject.Description} may have {check.Max} sessions in use at a time. A session ends {Lifetime.TotalMinutes} minutes after its last request; the operator can raise limits.concurrentSessions in tenants.json."))
    {
        Limit = $"{check.Subject.Description} concurrentSessions",
        RetryAfter = ends.DefaultIfEmpty(Lifetime).Min(),
    };

    private IEnumerable<TimeSpan> EndsOf(IEnumerable<Use> uses) => uses
        .Where(use => use.InFlight == 0)
        .Select(use => TimeSpan.FromTicks(Math.Max(TimeSpan.TicksPerSecond, (Lifetime - time.GetElapsedTime(use.LastUsed)).Ticks)));

    private readonly record struct Use(int InFlight, long LastUsed);
}
