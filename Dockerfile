# Four images from one file: docker build --target service .   or ui, gateway, training
# Only the training image holds TensorFlow, and the page's neither that nor OpenVINO.

FROM python:3.11-slim-bookworm AS python
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp
WORKDIR /app

FROM python AS service-packages
COPY requirements/service.txt requirements/postgres.txt requirements/tracing.txt requirements/
# pip stays out of the environment. OpenVINO's plugins for GPU and NPU go: the service runs on the CPU only. For arm64
# there are none.
RUN python -m venv --without-pip /venv \
    && /usr/local/bin/python -m pip --python /venv/bin/python install \
        --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --compile \
        -r requirements/service.txt -r requirements/postgres.txt -r requirements/tracing.txt \
    && rm -f /venv/lib/python3.11/site-packages/openvino/libs/libopenvino_intel_gpu_plugin.so \
        /venv/lib/python3.11/site-packages/openvino/libs/libopenvino_intel_npu_plugin.so \
        /venv/lib/python3.11/site-packages/openvino/libs/cache.json

FROM service-packages AS training-packages
COPY requirements/training.txt requirements/
RUN /usr/local/bin/python -m pip --python /venv/bin/python install \
        --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --compile -r requirements/training.txt

FROM python AS ui-packages
COPY requirements/ui.txt requirements/
RUN python -m venv --without-pip /venv \
    && /usr/local/bin/python -m pip --python /venv/bin/python install \
        --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --compile -r requirements/ui.txt

FROM python AS ui
COPY --from=ui-packages /venv /venv
COPY --chmod=755 client client
COPY --chmod=755 ui ui
RUN python -m compileall -q client ui
EXPOSE 8501
USER 1000:1000
# Within the container on every address, as the service; what publishes the port decides who reaches it.
CMD ["python", "-m", "streamlit", "run", "ui/app.py", "--server.address", "0.0.0.0", "--server.port", "8501"]

FROM python AS service
COPY --from=service-packages /venv /venv
# Whoever cloned with a strict umask still gets an image that an ordinary user can read.
COPY --chmod=755 client client
COPY --chmod=755 dermoscopy dermoscopy
COPY --chmod=755 model_store model_store
COPY --chmod=755 service service
COPY --chmod=755 docker/melanoserve /venv/bin/
# The image is run with a read-only root, so Python could not keep its bytecode later.
RUN python -m compileall -q client dermoscopy model_store service
# A container must listen on every address of its own to be reached at all. Whether strangers can reach it is decided by
# what publishes the port, so that one must also set MELANOSERVE_ALLOW_REMOTE_WITHOUT_KEYS; see docker-compose.yml.
ENV MELANOSERVE_HOST=0.0.0.0
# The volumes of the audit trail and of compiled models begin as these folders are: whoever the service runs as may
# write to them.
RUN mkdir state && mkdir --mode=1777 audit state/compiled
EXPOSE 8000
USER 1000:1000
CMD ["python", "-m", "service"]

FROM python AS gateway-packages
COPY requirements/clinic.txt requirements/
RUN python -m venv --without-pip /venv \
    && /usr/local/bin/python -m pip --python /venv/bin/python install \
        --no-cache-dir --disable-pip-version-check --no-deps --require-hashes --compile -r requirements/clinic.txt

FROM python AS gateway
COPY --from=gateway-packages /venv /venv
COPY --chmod=755 client client
COPY --chmod=755 gateway gateway
# A volume that is new takes over the owner of this folder.
RUN python -m compileall -q client gateway && install -d -o 1000 -g 1000 -m 700 state/gateway
ENV MELANOGATEWAY_HOST=0.0.0.0
EXPOSE 11112
USER 1000:1000
CMD ["python", "-m", "gateway", "run"]

FROM python AS training
ENV TF_CPP_MIN_LOG_LEVEL=2
COPY --from=training-packages /venv /venv
COPY --chmod=755 dermoscopy dermoscopy
COPY --chmod=755 model_store model_store
COPY --chmod=755 training training
COPY --chmod=755 docker/as-store-owner docker/
RUN python -m compileall -q dermoscopy model_store training
USER 1000:1000
ENTRYPOINT ["/app/docker/as-store-owner", "python", "-m", "training"]
CMD ["--help"]
