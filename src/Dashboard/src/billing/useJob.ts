import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api/client';
import { queryKey, useApi } from '../api/queries';
import type { Job } from '../api/types';

const jobsPath = '/api/billing/jobs';

const pathOf = (id: string) => `${jobsPath}/${encodeURIComponent(id)}`;

/** Asks how a job is while it runs; the gateway also tells by itself. */
export function useJob(id: string | undefined) {
  const path = pathOf(id ?? '');
  const { data } = useQuery({
    queryKey: queryKey(path),
    queryFn: ({ signal }) => api.get<Job>(path, {}, signal),
    enabled: id !== undefined,
    refetchInterval: ({ state }) => (state.data?.state === 'running' ? 1_000 : false),
  });
  return data;
}

/** Starts a job and follows it. */
export function useStartJob(kind: 'verify' | 'rebuild' | 'rerate') {
  const queries = useQueryClient();
  const [id, setId] = useState<string>();
  const start = useMutation({
    mutationFn: (body: unknown) => api.post<Job>(`/api/billing/${kind}`, body),
    onSuccess: (job) => {
      queries.setQueryData(queryKey(pathOf(job.id)), job);
      setId(job.id);
      void queries.invalidateQueries({ queryKey: [jobsPath] });
    },
  });
  return { start, job: useJob(id), forget: () => setId(undefined) };
}

export const useJobs = () => useApi<{ items: Job[] }>(jobsPath, {}, { refetchInterval: 3_000 });

export function useCancelJob() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (id: string) => api.del<unknown>(pathOf(id)),
    onSettled: (_, __, id) => {
      void queries.invalidateQueries({ queryKey: [jobsPath] });
      void queries.invalidateQueries({ queryKey: [pathOf(id)] });
    },
  });
}
