import RequestPage from '../requests/RequestPage';

/** One of the tenant's own requests. */
export default function MyRequestPage() {
  return <RequestPage path="/api/me/requests" />;
}
