using System.Collections.Immutable;
using System.Text.Unicode;
using CCGate.Hosting.Configuration;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Tenants;

namespace CCGate.Proxy.Translation;

/// <summary>One call in the protocols of the upstreams it may go to: read once, written anew for each attempt, since a request is never changed in place.</summary>
internal sealed class Translations(Call call)
{
    private readonly Lock gate = new(); // Two attempts may be under way at a time.
    private readonly Losses read = new();
    private Conversation? conversation;
    private (UpstreamKind Kind, string Model, long? Limit, TranslatedCall Written)? last;
    private bool? hasForeignSignatures;

    /// <summary>Whether an upstream of this kind cannot get the client's own bytes.</summary>
    private bool IsNeeded(UpstreamKind kind) => call is { Kind: CallKind.Generation, AnyKind: true } && (Protocols.Of(call.Upstreams) != Protocols.Of(kind) || HasForeignSignatures);

    /// <summary>Opaque bytes of another kind of provider, which answered earlier: who did not make them refuses the request over them.</summary>
    private bool HasForeignSignatures => hasForeignSignatures ??= Signatures.IsMarkedIn(call.Body.Bytes.Span);

    /// <summary>
    /// Leaves out the upstreams that cannot be told what the client says, by writing the request for each of them; refuses when none is left. It has to be known
    /// before anything is held or written down.
    /// </summary>
    public ModelRoute Carried(ModelRoute route)
    {
        RefusedException? refusal = null;
        var carrying = route.Upstreams;
        foreach (var upstream in route.Upstreams)
        {
            try
            {
                For(upstream.Config.Kind, upstream.ProviderModel(call.Model), limit: null);
            }
            catch (RefusedException refused)
            {
                refusal = refused;
                carrying = carrying.Remove(upstream);
            }
        }

        return carrying.IsEmpty ? throw refusal! : refusal is null ? route : route with { Upstreams = carrying };
    }

    /// <summary>The call as one attempt sends it; null when the client's own bytes go out.</summary>
    /// <param name="kind">What the upstream speaks.</param>
    /// <param name="model">By its own name.</param>
    /// <param name="limit">The most output tokens, when the hold pays for fewer than the client asked for.</param>
    public TranslatedCall? For(UpstreamKind kind, string model, long? limit)
    {
        if (!IsNeeded(kind))
        {
            return null;
        }

        lock (gate)
        {
            if (last is { } same && same.Kind == kind && same.Model == model && same.Limit == limit)
            {
                return same.Written;
            }

            var client = Protocols.Of(call.Upstreams);
            conversation ??= Read(client);
            var (asked, losses) = (conversation.MaxOutputTokens, new Losses());
            foreach (var field in read.Dropped)
            {
                losses.Drop(field);
            }

            try
            {
                conversation.Model = model;
                conversation.MaxOutputTokens = limit ?? asked;
                var upstream = Protocols.Of(kind);
                var written = new TranslatedCall(client, upstream, conversation, TranslatedCall.Write(json => upstream.WriteRequest(conversation, json, losses)), losses.Dropped.ToImmutableArray());
                last = (kind, model, limit, written);
                return written;
            }
            catch (InvalidOperationException noText)
            {
                throw NoText(noText.Message);
            }
            finally
            {
                conversation.MaxOutputTokens = asked;
            }
        }
    }

    private Conversation Read(IProtocol client)
    {
        // A JSON reader looks at a text's bytes only when the text is asked for, and some is carried on unread.
        if (!Utf8.IsValid(call.Body.Bytes.Span))
        {
            throw NoText("it is not UTF-8");
        }

        try
        {
            return client.ReadRequest(call, read);
        }
        catch (InvalidOperationException noText)
        {
            throw NoText(noText.Message);
        }
    }

    /// <summary>The refusal of a body that is JSON, but says what is no text, such as half a surrogate pair.</summary>
    private static RefusedException NoText(string why) => new(RefusalReason.InvalidRequest, $"The request body cannot be read: {why}.");
}
