using System.Text.Json;
using CCGate.Proxy.Pipeline;
using CCGate.Proxy.Tenants;
using Microsoft.AspNetCore.Http;

namespace CCGate.Proxy.Surfaces;

/// <summary>The models a tenant may use, in the shape of the surface that is asked.</summary>
internal sealed class ModelsEndpoint(GatewayPipeline pipeline, ApiKeyAuthenticator authenticator, ModelCatalogue catalogue)
{
    public Task ListAsync(HttpContext http, ModelList list) => pipeline.AnswerAsync(http, list.Surface, _ =>
    {
        var names = catalogue.List(authenticator.Authenticate(http.Request).Tenant, list.Kinds);
        return WriteAsync(http.Response, json => list.WriteAll(json, names, http.Request.Query));
    });

    public Task GetAsync(string id, HttpContext http, ModelList list) => pipeline.AnswerAsync(http, list.Surface, _ =>
    {
        catalogue.Check(id, authenticator.Authenticate(http.Request).Tenant, list.Kinds[0]);
        return WriteAsync(http.Response, json => list.WriteOne(json, id));
    });

    private static async Task WriteAsync(HttpResponse response, Action<Utf8JsonWriter> write)
    {
        response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(response.BodyWriter);
        write(json);
    }
}
